"""Events and their catalogue, as the portal wires them."""

from flask import Flask

from portal.events import lifecycle, pages
from portal.events.resource import OPERATIONS as EVENTS
from portal.events.types_resource import OPERATIONS as TYPES
from portal.events.types_resource import resource
from portal.feature import Feature
from portal.records import watch


def init_app(app: Flask) -> None:
    """Register the pages; every change of a record becomes an event."""
    pages.init_app(app)
    watch(lifecycle.tell)


feature = Feature(init_app, resources=(resource,), operations=(*TYPES, *EVENTS))
