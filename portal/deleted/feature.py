"""The wiring of deleted records: their page and their list in REST."""

from flask import Flask

from portal.deleted import pages
from portal.deleted.resource import OPERATIONS
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place


def init_app(app: Flask) -> None:
    """Register the page."""
    app.register_blueprint(pages.bp)


FOUND = Findable(
    places=(Place("Deleted records", "deleted.index", icon="trash", also="bin trash restore undo"),)
)
feature = Feature(init_app, operations=OPERATIONS, found=FOUND)
