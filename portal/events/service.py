"""The verbs of events: publish, announce, read, erase.

An event is accepted when one transaction holds it and everything that its listeners owe it
(transactional outbox): there is no moment at which one is there without the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import delete, select

from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import send_each, session
from portal.events.listeners import Match, Published, listeners
from portal.events.models import Event, EventKey
from portal.events.publishing import key_material
from portal.events.publishing.publication import Accepted, Publication, owed_for, store
from portal.events.schemas import EventInput
from portal.records import idempotency
from portal.records.audit import trail as audit
from portal.records.listing import Listing, Page, Query, page
from portal.records.quotas import rates, stored_bytes

EXPLAINED = 200
ERASED_AT_ONCE = 10_000

# Typed for records; an event has the columns that a list needs, and none is ever deleted softly.
LISTING: Listing[Any] = Listing(
    Event,
    filters={
        "id": Event.id,
        "type": Event.type,
        "subject": Event.subject,
        "client_id": Event.client_id,
        "app_id": Event.app_id,
        "application_id": Event.application_id,
    },
    ranges={"received_at": Event.received_at, "occurred_at": Event.occurred_at},
    sorts={"received_at": Event.id},
    default_sort="-received_at",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """How much is kept of a subject; `is_more` where one erasure does not take all of it."""

    events: int
    deliveries: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """How many events of a subject were erased, and whether there are more: then ask again."""

    events: int
    more: bool


def publish(
    actor: Actor, events: Sequence[EventInput], *, are_counted: bool = False
) -> list[Accepted]:
    """Store events and the deliveries to their listeners, all of them or none.

    An event whose id was published before is not changed. Raises Invalid for data that does not
    match an enforced schema, and for an API key in it if the tenant refuses them; QuotaExceeded
    when the tenant publishes too many events a second, QuotaReached when its stored bytes are at
    the limit. Pass `are_counted` if `count` was called for these events.
    """
    actor.require("events:publish")
    if not are_counted:
        count(actor, len(events))
    events = key_material.screened(actor.tenant_id, events)
    publication = Publication(actor, events, listeners())
    looked = send_each(publication.looks())
    publication.check(looked)
    claimed = send_each(publication.claims())
    send_each(publication.writes(looked, claimed))
    return publication.accepted()


def count(actor: Actor, many: int) -> None:
    """Count events towards the tenant's quotas before they are published in several calls.

    Raises QuotaExceeded and QuotaReached; then nothing is counted.
    """
    stored_bytes.known().check(actor.tenant_id)
    rates.known().take(actor.tenant_id, "events_per_second", many)


def announce(
    actor: Actor, name: str, data: Mapping[str, Any], subject: str | None = None
) -> str | None:
    """Publish one of the portal's own events in the running transaction.

    Where nobody wants it, nothing is kept and None comes back: the price is one indexed look.
    """
    wanting = send_each(one.who_wants(actor.tenant_id, {name}) for one in listeners())
    if not any(wanting):
        return None
    event_id = new_id(Event.id_prefix)
    event = EventInput.read({"type": name, "data": dict(data), "subject": subject})
    new = [(event_id, key_material.masked(event))]  # never refuse: the change is done
    owed = owed_for(actor, new, listeners(), wanting)
    send_each([store(actor, new), *owed.writes])
    return event_id


def keep_for(actor: Actor, record_id: str, event: EventInput) -> str:
    """Keep an event that was made for one record of one listener; its id. The others are not told:
    whoever asks for it owes that one what there is to do."""
    [event] = key_material.screened(actor.tenant_id, [event])
    event_id = new_id(Event.id_prefix)
    send_each([store(actor, [(event_id, event)], only_for=record_id)])
    return event_id


def get(actor: Actor, event_id: str) -> Event:
    """Return one event of the actor's tenant. Raises NotFound."""
    actor.require("events:read")
    found = session.scalar(Event.seen_by(actor).where(Event.id == event_id))
    if found is None:
        raise NotFound(f"There is no event {event_id[:60]} in this tenant.")
    return found


def find_page(actor: Actor, query: Query) -> Page[Any]:
    """Return one page of the tenant's events."""
    actor.require("events:read")
    return page(actor, LISTING, replace(query, include_deleted=True))


def matches(actor: Actor, event: Event) -> list[Match]:
    """For every webhook of the tenant whether the event matches it, and why or why not."""
    published = Published(event.id, event.type, event.subject, event.data, event.only_for)
    return [
        match for listener in listeners() for match in listener.explain(actor, published, EXPLAINED)
    ]


def kept_of(actor: Actor, subject: str) -> Kept:
    """Return how much there is of a subject: what one erasure would take."""
    _may_erase(actor)
    ids, more = _ids_of(actor, subject)
    deliveries = sum(one.kept(actor.tenant_id, ids) for one in listeners())
    return Kept(len(ids), deliveries, more)


def erase(actor: Actor, subject: str) -> Erased:
    """Forget the events of a subject, with their deliveries; how many there were.

    At most ERASED_AT_ONCE: the answer says whether to ask again. Raises nothing for a subject
    without events: asking twice is right. The history tells who erased how much, and not of whom.
    """
    _may_erase(actor)
    ids, more = _ids_of(actor, subject)
    for listener in listeners():
        listener.forget(actor.tenant_id, ids)
    for model, column in ((EventKey, EventKey.event_id), (Event, Event.id)):
        session.execute(
            delete(model)
            .where(model.tenant_id == actor.tenant_id, column.in_(ids))
            .execution_options(synchronize_session=False)
        )
    idempotency.forget_about(actor.tenant_id, subject)
    if ids:
        stored_bytes.measure_anew(actor.tenant_id)
        audit.note(
            actor,
            "events.erased",
            record_kind="events",
            record_id=actor.tenant_id,
            changes={"events": (len(ids), 0)},
        )
    return Erased(len(ids), more)


def _may_erase(actor: Actor) -> None:
    actor.require("events:publish")
    actor.require("webhooks:write")


def _ids_of(actor: Actor, subject: str) -> tuple[list[str], bool]:
    """Return the events of a subject, as many as are erased at once, and whether there are more."""
    of_subject = select(Event.id).where(
        Event.tenant_id == actor.tenant_id, Event.subject == subject
    )
    found = list(session.scalars(of_subject.order_by(Event.id).limit(ERASED_AT_ONCE + 1)))
    return found[:ERASED_AT_ONCE], len(found) > ERASED_AT_ONCE
