"""The wiring of the explorer."""

from flask import Flask

from portal.explorer import catalogue, pages, sending
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place


def init_app(app: Flask) -> None:
    """Register the pages, and the tokens with which they call the API."""
    catalogue.init_app(app)
    sending.init_app(app, app.extensions["portal"])
    pages.init_app(app)


FOUND = Findable(
    places=(Place("Explorer", "explorer.index", icon="code", also="api rest try documentation"),)
)
feature = Feature(init_app, found=FOUND)
