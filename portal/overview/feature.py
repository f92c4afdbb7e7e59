"""The wiring of the overview: its page, its REST operation, and its place in the search."""

from flask import Flask

from portal.overview import pages
from portal.overview.resource import OPERATIONS
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place


def init_app(app: Flask) -> None:
    """Register the page. The features register their parts of it."""
    app.register_blueprint(pages.bp)


FOUND = Findable(
    places=(Place("Overview", "overview.index", icon="layout-dashboard", also="home start"),)
)
feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
