"""The wiring of events and their catalogue."""

from flask import Flask

from portal.events import pages, service
from portal.events.catalogue.examples import patterns
from portal.events.catalogue.resource import OPERATIONS as TYPES
from portal.events.catalogue.resource import resource
from portal.events.resource import OPERATIONS as EVENTS
from portal.records.verbs import watch
from portal.rest.feature import Feature
from portal.rest.findable import Act, ById, Choices, Findable, Place, Source


def init_app(app: Flask) -> None:
    """Register the pages, and announce every change of a record as an event."""
    pages.init_app(app)
    watch(service.tell_change, service.tell_changes)


FOUND = Findable(
    acts=(
        Act("Publish event", "events.create", "events:publish", "send", also="new send test"),
    ),
    places=(
        Place("Events", "events.index", "events:read", "bolt", "published"),
        Place("Data retention", "events.change_settings", "events:read", "settings",
              "event settings keep erase person hidden fields"),
    ),
    sources=(Source("Happened", pages.find_published, "events:read"),),
    choices={"event-patterns": Choices(patterns, "events:read")},
    ids={"evt": ById(pages.find_event, "events:read")},
)  # fmt: skip

feature = Feature(init_app, resources=(resource,), operations=(*TYPES, *EVENTS), found=FOUND)
