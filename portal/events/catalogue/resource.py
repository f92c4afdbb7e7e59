"""REST of the catalogue: /api/v1/integration/event-types, and the portal's own types below it."""

from typing import Any

from flask import Response

from portal.events.catalogue import event_types
from portal.events.catalogue.openapi_import import import_types
from portal.events.models import EventType
from portal.events.schemas import (
    EventTypeDocument,
    EventTypeInput,
    Import,
    ImportedTypes,
    OwnTypeDocument,
)
from portal.rest.api import Outcome, actor, body, listed, no_parameters, once
from portal.rest.findable import Act, Findable, Place
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY, Resource

OF = EventType.noun
FOUND = Findable(
    acts=(
        Act("Describe event type", "event_types.create", "event-types:write", "plus",
            also="new create add"),
        Act("Import event types", "event_types.import_", "event-types:write", "download",
            also="openapi"),
        Act("Edit {}", "event_types.edit", "event-types:write", "pencil", OF, also="change"),
    ),
    places=(
        Place("Event types", "event_types.index", "event-types:read", "bolt", "catalogue schemas"),
        Place("Event types of the portal", "event_types.own", "event-types:read", "bolt",
              "catalogue own system"),
    ),
    note=lambda kind: kind.display_name,
)  # fmt: skip

resource: Resource[EventType, EventTypeInput] = Resource(
    name="event-types",
    singular="event type",
    about="The catalogue of event types: names, JSON Schemas and examples.",
    scope="event-types",
    model=EventType,
    command=EventTypeInput,
    document=EventTypeDocument,
    listing=event_types.LISTING,
    create=event_types.create,
    update=event_types.update,
    delete=event_types.delete,
    found=FOUND,
)


def _own() -> Response:
    no_parameters()
    fields = OwnTypeDocument.model_fields
    items: list[dict[str, Any]] = [
        {name: getattr(one, name) for name in fields} for one in event_types.own_types(actor())
    ]
    return listed(items, None)


def _import() -> Response:
    no_parameters()
    command = Import.read(body())

    def work() -> Outcome:
        done = import_types(actor(), command.document, dry_run=command.dry_run)
        items = [{"name": one.name, "fate": one.fate, "reason": one.reason} for one in done]
        return Outcome({"types": items, "dry_run": command.dry_run}, 200)

    return once(work)


OPERATIONS = (
    Operation(
        resource="event-types",
        name="list_own",
        method="GET",
        path="/event-types/own",
        summary="List the portal's own event types",
        description="Return the event types that the portal publishes itself, with"
        " schema and example. Subscribe to them like to any other.",
        scope="event-types:read",
        view=_own,
        answer=OwnTypeDocument,
        is_list=True,
    ),
    Operation(
        resource="event-types",
        name="import_types",
        method="POST",
        path="/event-types/imports",
        summary="Import event types from an OpenAPI document",
        description="Create or change event types from the webhooks of an OpenAPI 3.1"
        " document. With `dry_run` nothing is stored. A webhook that cannot"
        " be read is skipped with a reason.",
        scope="event-types:write",
        view=_import,
        command=Import,
        answer=ImportedTypes,
        parameters=(RETRY,),
    ),
)
