"""The feature `leases`: what connectors hand out, in REST, and after each save."""

from flask import Flask

from portal.leases import saves
from portal.leases.resource import OPERATIONS
from portal.records import verbs
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Make the workers look at each connector that is changed."""
    verbs.watch(saves.follow)


feature = Feature(init_app, operations=OPERATIONS)
