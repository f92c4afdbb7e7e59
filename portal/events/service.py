"""The verbs of events: publish, announce, read, erase.

An event is accepted when one transaction holds it and everything that its listeners owe it
(transactional outbox): there is no moment at which one is there without the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
from sqlalchemy import ARRAY, String, any_, bindparam, delete, select

from portal import idempotency
from portal.audit import service as audit
from portal.db import Actor, new_id, send, session
from portal.driver import Statement
from portal.errors import NotFound
from portal.events import catalogue, keymaterial
from portal.events.listeners import Match, Published, listeners
from portal.events.models import Event, EventKey
from portal.events.schemas import EventInput
from portal.listing import Listing, Page, Query, page
from portal.quotas import rates, storage

STORE = Statement.of_file("portal.events", "store.sql")
CLAIM = Statement.of_file("portal.events", "claim.sql")
CLAIMED = Statement(
    select(EventKey.client_id, EventKey.event_id).where(
        EventKey.tenant_id == bindparam("tenant_id"),
        EventKey.client_id == any_(bindparam("names", type_=ARRAY(String))),
    )
)
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
class Accepted:
    """What became of one published event."""

    id: str
    client_id: str | None
    type: str
    deliveries: int
    duplicate: bool


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
    events = keymaterial.screened(actor.tenant_id, events)
    catalogue.check(actor, events)
    ids, fresh = _claim_ids(actor, events)
    new = [(ids[number], events[number]) for number in fresh]
    counts = _store(actor, new)
    return [
        Accepted(ids[number], event.id, event.type, counts.get(ids[number], 0), number not in fresh)
        for number, event in enumerate(events)
    ]


def count(actor: Actor, many: int) -> None:
    """Count events towards the tenant's quotas before they are published in several calls.

    Raises QuotaExceeded and QuotaReached; then nothing is counted.
    """
    storage.known().check(actor.tenant_id)
    rates.known().take(actor.tenant_id, "events_per_second", many)


def announce(
    actor: Actor, name: str, data: Mapping[str, Any], subject: str | None = None
) -> str | None:
    """Publish one of the portal's own events in the running transaction.

    Where nobody wants it, nothing is kept and None comes back: the price is one indexed look.
    """
    if not any(listener.wants(actor.tenant_id, name) for listener in listeners()):
        return None
    event_id = new_id(Event.id_prefix)
    event = EventInput.read({"type": name, "data": dict(data), "subject": subject})
    _store(actor, [(event_id, keymaterial.masked(event))])  # never refuse: the change is done
    return event_id


def keep_for(actor: Actor, record_id: str, event: EventInput) -> str:
    """Keep an event that was made for one record of one listener; its id. The others are not told:
    whoever asks for it owes that one what there is to do."""
    [event] = keymaterial.screened(actor.tenant_id, [event])
    event_id = new_id(Event.id_prefix)
    _insert(actor, [(event_id, event)], only_for=record_id)
    return event_id


def get(actor: Actor, event_id: str) -> Event:
    """One event of the actor's tenant. Raises NotFound."""
    actor.require("events:read")
    found = session.scalar(Event.seen_by(actor).where(Event.id == event_id))
    if found is None:
        raise NotFound(f"There is no event {event_id[:60]} in this tenant.")
    return found


def find_page(actor: Actor, query: Query) -> Page[Any]:
    """One page of the tenant's events."""
    actor.require("events:read")
    return page(actor, LISTING, replace(query, include_deleted=True))


def matches(actor: Actor, event: Event) -> list[Match]:
    """For every webhook of the tenant whether the event matches it, and why or why not."""
    published = Published(event.id, event.type, event.subject, event.data, event.only_for)
    return [
        match for listener in listeners() for match in listener.explain(actor, published, EXPLAINED)
    ]


def kept_of(actor: Actor, subject: str) -> Kept:
    """How much there is of a subject: what one erasure would take."""
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
        storage.measure_anew(actor.tenant_id)
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
    """The events of a subject, as many as are erased at once, and whether there are more."""
    of_subject = select(Event.id).where(
        Event.tenant_id == actor.tenant_id, Event.subject == subject
    )
    found = list(session.scalars(of_subject.order_by(Event.id).limit(ERASED_AT_ONCE + 1)))
    return found[:ERASED_AT_ONCE], len(found) > ERASED_AT_ONCE


def _claim_ids(actor: Actor, events: Sequence[EventInput]) -> tuple[list[str], set[int]]:
    """The id of each event, and the places of those that are new."""
    ids = [new_id(Event.id_prefix) for _ in events]
    first: dict[str, int] = {}  # a batch may name one id twice: the first is published
    for number, event in enumerate(events):
        if event.id is not None:
            first.setdefault(event.id, number)
    if not first:
        return ids, set(range(len(events)))
    known = _known(actor, {client_id: ids[number] for client_id, number in first.items()})
    fresh = set()
    for number, event in enumerate(events):
        if event.id is None:
            fresh.add(number)
            continue
        if known[event.id] == ids[number]:
            fresh.add(number)
        ids[number] = known[event.id]
    return ids, fresh


def _known(actor: Actor, wanted: Mapping[str, str]) -> dict[str, str]:
    """Client id → event id, after ours were offered. Waits for whoever publishes the same id."""
    offers = [
        {"client_id": client_id, "event_id": event_id}
        for client_id, event_id in sorted(wanted.items())
    ]
    tenant = {"tenant_id": actor.tenant_id}
    send(CLAIM, {**tenant, "offers": orjson.dumps(offers).decode()})
    return dict(send(CLAIMED, {**tenant, "names": list(wanted)}))


def _store(actor: Actor, events: Sequence[tuple[str, EventInput]]) -> dict[str, int]:
    """Write new events and let the listeners write theirs; event id → how many deliveries."""
    if not events:
        return {}
    _insert(actor, events)
    published = [
        Published(event_id, event.type, event.subject, event.data) for event_id, event in events
    ]
    counts: dict[str, int] = {}
    for listener in listeners():
        for event_id, count in listener.take(actor.tenant_id, published).items():
            counts[event_id] = counts.get(event_id, 0) + count
    return counts


def _insert(
    actor: Actor, events: Sequence[tuple[str, EventInput]], only_for: str | None = None
) -> None:
    made = [
        {"id": event_id, "client_id": event.id, "type": event.type, "subject": event.subject,
         "data": event.data, "occurred_at": event.occurred_at}
        for event_id, event in events
    ]  # fmt: skip
    values = {
        "tenant_id": actor.tenant_id, "events": orjson.dumps(made).decode(),
        "application_id": actor.application_id, "app_id": actor.app_id, "actor_id": actor.id,
        "actor_name": actor.name[:200], "only_for": only_for,
    }  # fmt: skip
    send(STORE, values)
