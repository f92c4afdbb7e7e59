"""The feature `leases`: what connectors hand out, in REST, on their pages, and after each save."""

from flask import Flask

from portal.leases import saves, shown
from portal.leases.resource import OPERATIONS
from portal.records import verbs
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Make the workers look at each connector that is changed, and show who takes leases."""
    verbs.watch(saves.follow)
    shown.init_app(app)


feature = Feature(init_app, operations=OPERATIONS)
