"""REST of events: /api/v1/integration/events."""

from typing import Any

from flask import Response, request

from portal.core.errors import BadRequest, FieldError
from portal.events import service, settings
from portal.events.models import Event, EventSettings
from portal.events.publishing.publication import published
from portal.events.schemas import (
    Erased,
    Erasure,
    EventBatch,
    EventDocument,
    EventInput,
    EventWithMatches,
    MatchDocument,
    PublishedEvents,
    SettingsDocument,
    SettingsInput,
)
from portal.records import listing
from portal.rest import strict_json
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY, list_parameters


def represent(event: Event, hidden: frozenset[str]) -> dict[str, Any]:
    """Return an event as a JSON object, with the fields redacted that this reader may not see."""
    document = fields_of(EventDocument, event)
    return {**document, "data": settings.redact_data(event.data, hidden)}


def _publish() -> Response:
    no_parameters()
    events, is_batch = _read()

    def work() -> Outcome:
        return Outcome(published(service.publish(actor(), events, is_batch=is_batch)), 202)

    return once(work)


def _read() -> tuple[list[EventInput], bool]:
    """Return the events of the body, and whether it is a batch: an array, or an object with
    `events`. Otherwise it is one event."""
    raw = request.get_data(cache=True)
    if raw.lstrip()[:1] == b"[" and request.mimetype in ("application/json", ""):
        return EventBatch.read({"events": strict_json.parse(raw)}).events, True
    given = body()
    if "events" in given:
        return EventBatch.read(given).events, True
    if not given:
        message = "Send one event, or up to 500 in an array."
        raise BadRequest(errors=[FieldError("body", message)])
    return [EventInput.read(given)], False


def _list() -> Response:
    query = listing.parse(service.LISTING, request.args, listing.OF_RECORDS)
    page = service.find_page(actor(), query)
    hidden = settings.hidden_from(actor())
    items = [represent(event, hidden) for event in page.items]
    return listed(items, page.next_cursor)


def _get(id: str) -> Response:
    no_parameters()
    event = service.get(actor(), id)
    fields = MatchDocument.model_fields
    matches = [
        {name: getattr(match, name) for name in fields} for match in service.matches(actor(), event)
    ]
    return answer({**represent(event, settings.hidden_from(actor())), "matches": matches})


def _erase() -> Response:
    no_parameters()
    command = Erasure.read(body())

    def work() -> Outcome:
        erased = service.erase(actor(), command.subject)
        return Outcome({"events": erased.events, "more": erased.more}, 200)

    return once(work)


def _settings() -> Response:
    no_parameters()
    actor().require("events:read")
    return answer(_shown(settings.of(actor().tenant_id)))


def _change_settings() -> Response:
    no_parameters()
    command = SettingsInput.patched(settings.of(actor().tenant_id), body())
    return answer(_shown(settings.change(actor(), command)))


def _shown(found: EventSettings) -> dict[str, Any]:
    return fields_of(SettingsDocument, found)


OPERATIONS = (
    Operation(
        resource="event-settings",
        name="get",
        method="GET",
        path="/event-settings",
        summary="Get the event settings",
        description="Return how long events are kept, which fields are hidden, and the"
        " treatment of API keys in events.",
        scope="events:read",
        view=_settings,
        answer=SettingsDocument,
    ),
    Operation(
        resource="event-settings",
        name="update",
        method="PUT",
        path="/event-settings",
        summary="Change the event settings",
        description="Change the settings that are sent; the others stay. They are the retention,"
        " the hidden fields, and the treatment of API keys in events. Events that are"
        " then too old are deleted.",
        scope="webhooks:write",
        view=_change_settings,
        command=SettingsInput,
        answer=SettingsDocument,
    ),
    Operation(
        resource="events",
        name="publish",
        method="POST",
        path="/events",
        summary="Publish one event, or up to 500",
        description="Publish one event, or up to 500 in `events` or as an array; all"
        " are stored together or none. The answer comes when they and their"
        " deliveries are kept. A repeated `id` publishes nothing and is no"
        " error; one of another application's event is a 409. An event that"
        " does not fit its type's schema is a 422, and so are events that would be"
        " more than 100,000 deliveries together, or whose match with the filters"
        " of their webhooks takes too much work: send fewer at once.",
        scope="events:publish",
        view=_publish,
        command=EventBatch,
        answer=PublishedEvents,
        status=202,
        parameters=(RETRY,),
    ),
    Operation(
        resource="events",
        name="list",
        method="GET",
        path="/events",
        summary="List events, newest first",
        description="Return one page of the events, newest first. Fields that are"
        " hidden from the caller are redacted.",
        scope="events:read",
        view=_list,
        answer=EventDocument,
        is_list=True,
        parameters=list_parameters(service.LISTING, listing.OF_RECORDS),
    ),
    Operation(
        resource="events",
        name="get",
        method="GET",
        path="/events/{id}",
        summary="Get one event and its match with each webhook",
        description="Return one event, and for each webhook whether it matches by"
        " today's settings, and the reason.",
        scope="events:read",
        view=_get,
        answer=EventWithMatches,
    ),
    Operation(
        resource="events",
        name="erase",
        method="POST",
        path="/events/erasures",
        summary="Erase the events of a subject",
        description="Erase the events of a subject with their deliveries, up to 10,000"
        " in one request. While `more` is true, send it again. While another erasure of the"
        " tenant runs, it is a 429. The credential of an application erases only what that"
        " application published.",
        scope="events:publish",
        more_scopes=("webhooks:write",),
        view=_erase,
        command=Erasure,
        answer=Erased,
        parameters=(RETRY,),
    ),
)
