"""The feature `connections`: checks of connectors in REST, on their pages, and after each save."""

from flask import Flask

from portal.connections import saves
from portal.connections.health import pages
from portal.connections.resource import OPERATIONS
from portal.records import verbs
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages, and plan a check whenever a connector is saved."""
    verbs.watch(saves.plan)
    pages.init_app(app)


feature = Feature(init_app, operations=OPERATIONS)
