"""The wiring of events and their catalogue."""

from flask import Flask

from portal.events import lifecycle, pages
from portal.events.catalogue.resource import OPERATIONS as TYPES
from portal.events.catalogue.resource import resource
from portal.events.resource import OPERATIONS as EVENTS
from portal.records.verbs import watch
from portal.rest.feature import Feature


def init_app(app: Flask) -> None:
    """Register the pages, and announce every change of a record as an event."""
    pages.init_app(app)
    watch(lifecycle.tell, lifecycle.tell_all)


feature = Feature(init_app, resources=(resource,), operations=(*TYPES, *EVENTS))
