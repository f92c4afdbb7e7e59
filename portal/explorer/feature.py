"""The wiring of the explorer."""

from flask import Flask

from portal.explorer import catalogue, pages, sending
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages, and the tokens with which they call the API."""
    catalogue.init_app(app)
    sending.init_app(app, app.extensions["portal"])
    pages.init_app(app)


feature = Feature(init_app)
