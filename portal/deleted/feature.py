"""The wiring of deleted records: their page and their list in REST."""

from collections.abc import Iterable
from typing import Any

from flask import Flask

from portal.deleted import pages, records
from portal.deleted.resource import list_of
from portal.rest.feature import Feature
from portal.rest.findable import Findable, Place
from portal.rest.resources import Resource

FOUND = Findable(
    places=(Place("Deleted records", "deleted.index", icon="trash", also="bin trash restore undo"),)
)


def of(resources: Iterable[Resource[Any, Any]]) -> Feature:
    """Return the feature with the page of deleted records, /deleted, for all these resources."""
    deletable = [resource for resource in resources if resource.delete]

    def init_app(app: Flask) -> None:
        records.init_app(app, deletable)
        app.register_blueprint(pages.bp)

    operation = list_of([resource.name for resource in deletable])
    return Feature(init_app, operations=(operation,), found=FOUND)
