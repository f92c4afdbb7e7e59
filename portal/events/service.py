"""The operations on events: publish, announce, read, erase.

An event is accepted when one transaction contains it and the deliveries of all listeners
(transactional outbox), so an event never exists without its deliveries.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    String,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
    union_all,
)

from portal.core.errors import NotFound, RateLimited
from portal.core.key_shape import shown
from portal.database import dry_run
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import Record
from portal.database.session import be_patient, send, send_each, session
from portal.events.listeners import Match, Published, listeners, wait_for_senders
from portal.events.models import Event, EventKey
from portal.events.publishing import key_material, own_events
from portal.events.publishing.publication import Accepted, Publication, store
from portal.events.schemas import EventInput
from portal.fast.statements import Statement
from portal.records import idempotency
from portal.records.audit import trail as audit
from portal.records.health import Health, clock, counted
from portal.records.listing import Listing, Page, Query, one_by_one, page
from portal.records.quotas import rates, stored_bytes
from portal.records.quotas.limits import EVENTS

EXPLAINED = 200
LOOKED_AT = 100  # events of each kind, for the search over everything
OF_ONE_NAME = 20
CLOCKS_APART = timedelta(days=2)
ERASED_AT_ONCE = 10_000
ERASURE_SECONDS = 30  # for each statement: an event may have many deliveries

UNINDEXED = ("app_id", "application_id", "occurred_at")  # of the list
MOST_TODAY = 1_000  # events that are counted
# Typed for records. An event has the columns that a list needs, and is never soft-deleted.
LISTING: Listing[Any] = Listing(
    Event,
    filters={
        "type": Event.type,
        "subject": Event.subject,
        "client_id": Event.client_id,
        "app_id": Event.app_id,
        "application_id": Event.application_id,
    },
    several=("type",),
    once_single=("type",),
    apart=("type",),
    quick=("type", "subject", "client_id"),
    combines=True,
    texts={"type": Event.type, "subject": Event.subject},
    optional={"subject": Event.subject, "application_id": Event.application_id},
    ranges={"received_at": Event.received_at, "occurred_at": Event.occurred_at},
    sorts={"received_at": Event.id},
    default_sort="-received_at",
)


@dataclass(frozen=True, slots=True)
class Kept:
    """The stored events and deliveries of a subject; `is_more` if one erasure is not enough."""

    events: int
    deliveries: int
    is_more: bool


@dataclass(frozen=True, slots=True)
class Erased:
    """The number of erased events, and whether the subject has more: then repeat the call."""

    events: int
    more: bool


def publish(
    actor: Actor,
    events: Sequence[EventInput],
    *,
    are_counted: bool = False,
    is_batch: bool = False,
) -> list[Accepted]:
    """Store events and the deliveries to their listeners, all of them or none.

    An event whose id was published before is not changed. Raises Invalid for data that does not
    match an enforced schema, and for an API key in it if the tenant refuses them; Conflict for an
    id of another application's event; QuotaExceeded when the tenant publishes too many events a
    second, QuotaReached when its stored bytes are at the limit. Pass `are_counted` if `count` was
    called for these events, `is_batch` if errors shall name the event's place.
    """
    actor.require("events:publish")
    if not are_counted:
        count(actor, len(events))
    events = key_material.screened(actor.tenant_id, events, is_batch=is_batch)
    publication = Publication(actor, events, listeners(), is_batch=is_batch)
    looked = send_each(publication.looks())
    publication.check(looked)
    claimed = send_each(publication.claims())
    publication.check_ids(claimed, send_each(publication.doubts(claimed)))
    send_each(publication.writes(looked, claimed))
    return publication.accepted()


def count(actor: Actor, many: int) -> None:
    """Count events towards the tenant's quotas before they are published in several calls.

    Raises QuotaExceeded and QuotaReached; then nothing is counted.
    """
    stored_bytes.known().check(actor.tenant_id)
    rates.known().take(actor.tenant_id, EVENTS, many)
    if dry_run.is_on():
        rates.known().give_back(actor.tenant_id, EVENTS, many=many)


def announce(
    actor: Actor, name: str, data: Mapping[str, Any], subject: str | None = None
) -> str | None:
    """Publish one of the portal's own events in the current transaction; return its id.

    Returns None, and stores nothing, if no webhook subscribes to it. That costs one indexed query.
    """
    return next(iter(announce_all(actor, name, [(data, subject)])), None)


def announce_all(
    actor: Actor, name: str, said: Sequence[tuple[Mapping[str, Any], str | None]]
) -> list[str]:
    """Publish own events of one name, each with its data and subject, as `announce` does.

    They are refused in a batch of new records alone, which raises what `own_events` raises.
    """
    at_most = 1 if own_events.are_too_many() else None
    wanting = send_each(one.who_wants(actor.tenant_id, {name}, at_most) for one in listeners())
    if not any(wanting):
        return []
    events = [
        EventInput.read({"type": name, "data": dict(data), "subject": subject})
        for data, subject in said
    ]
    new = [(new_id(Event.id_prefix), key_material.masked(event)) for event in events]
    own_events.count(actor, len(new))
    owed = own_events.owed(actor, new, listeners(), wanting)
    send_each(chain([store(actor, new)], owed))
    return [event_id for event_id, _ in new]


def tell_change(actor: Actor, record: Record, action: str, changes: Mapping[str, Any]) -> None:
    """Announce a change of a record, in the transaction that makes it.

    Events are for the whole tenant, so there is none of a record that is not.
    """
    tell_changes(actor, [(record, changes)], action)


def tell_changes(
    actor: Actor, changed: Sequence[tuple[Record, Mapping[str, Any]]], action: str
) -> None:
    """Announce the same change of records of one kind, each with an event of its own.

    An event has only the names of the changed fields, never their values, because some values are
    confidential. A client with the right to read them reads the record.
    """
    name = f"{changed[0][0].published_as}.{action}"
    data = [
        _named(actor, record, changes)
        for record, changes in changed
        if record.published_as is not None and record.is_for_all
    ]
    if data:
        announce_all(actor, name, [(one, one["id"]) for one in data])


def _named(actor: Actor, record: Record, changes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": record.id,
        "name": record.label,
        "version": record.version,
        "app_id": record.app_id,
        "changed": sorted(changes),
        "by": {"kind": actor.kind, "id": actor.id, "name": actor.name},
    }


def keep_for(actor: Actor, record_id: str, event: EventInput) -> str:
    """Store an event for one record of one listener and return its id.

    The other listeners are not notified. The caller must create the delivery, and `count` the event
    if somebody asked for it.
    """
    [event] = key_material.screened(actor.tenant_id, [event])
    event_id = new_id(Event.id_prefix)
    send_each([store(actor, [(event_id, event)], only_for=record_id)])
    return event_id


def get(actor: Actor, event_id: str) -> Event:
    """Return one event of the actor's tenant. Raises NotFound."""
    actor.require("events:read")
    found = session.scalar(Event.seen_by(actor).where(Event.id == event_id))
    if found is None:
        raise NotFound(f"There is no event {shown(event_id)} in this tenant.")
    return found


def today(actor: Actor) -> Health:
    """Return the sentence that begins the list of events: how many of today it has."""
    actor.require("events:read")
    midnight = func.date_trunc("day", func.now(), "UTC")
    events = Event.seen_by(actor).where(Event.id >= func.ulid_floor("evt", midnight))
    newest = events.order_by(Event.id.desc()).limit(MOST_TODAY + 1).subquery()
    figures = select(func.count(), func.max(newest.c.received_at), func.now())
    number, last, now = session.execute(figures.select_from(newest)).one()
    if not number:
        return Health("not_tried", "No event so far today (UTC).")
    said = counted(number, "event", MOST_TODAY)
    return Health("works", f"{said} today, the last at {clock(last, now)}.")


@cache
def _naming() -> Statement:
    """Return the statement for the newest events with this `text`, each kind of it by its index."""
    own: Any = Event.tenant_id == bindparam("tenant_id")
    text: Any = bindparam("text")
    upto = func.ulid_floor("evt", bindparam("upto", type_=DateTime(timezone=True)))
    some = [
        select(Event.id)
        .where(own, column == text, Event.id < upto)
        .order_by(Event.id.desc())
        .limit(LOOKED_AT)
        .subquery()
        .select()
        for column in (Event.type, Event.subject, Event.client_id)
    ]
    return Statement(union_all(*some), is_planned_once=True)


def newest_named(actor: Actor, text: str) -> Sequence[Event]:
    """Return a few of the newest events with this type, subject or publisher's id that the actor
    sees, of the newest LOOKED_AT of each; each by its index."""
    actor.require("events:read")
    # The days that are still to come have no events: their tables are left out.
    upto = datetime.now(UTC) + CLOCKS_APART
    values = {"tenant_id": actor.tenant_id, "text": text, "upto": upto}
    ids = [id for (id,) in send(_naming(), values)]
    if not ids:
        return []
    query = Event.seen_by(actor).where(Event.id == any_(literal(ids, ARRAY(String))))
    return session.scalars(query.order_by(Event.id.desc()).limit(OF_ONE_NAME)).all()


def find_page(actor: Actor, query: Query) -> Page[Any]:
    """Return one page of the tenant's events."""
    actor.require("events:read")
    return page(actor, LISTING, replace(one_by_one(query, UNINDEXED), include_deleted=True))


def matches(actor: Actor, event: Event) -> list[Match]:
    """Return for every webhook of the tenant whether the event matches it, and why or why not."""
    published = Published(event.id, event.type, event.subject, event.data, event.only_for)
    return [
        match for listener in listeners() for match in listener.explain(actor, published, EXPLAINED)
    ]


def kept_of(actor: Actor, subject: str) -> Kept:
    """Count the events and deliveries of a subject that one erasure by the actor would delete."""
    _may_erase(actor)
    ids, more = _ids_of(actor, subject)
    deliveries = sum(one.kept(actor.tenant_id, ids) for one in listeners())
    return Kept(len(ids), deliveries, more)


def erase(actor: Actor, subject: str) -> Erased:
    """Delete the events of a subject that the actor sees, with their deliveries; return their
    number.

    Deletes at most ERASED_AT_ONCE; the result says whether to repeat the call. A subject without
    events is no error, so that a repeated call succeeds. The audit log records the actor and the
    number, but not the subject. Raises RateLimited while another erasure of the tenant runs.
    """
    _may_erase(actor)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(_erasure_of(actor.tenant_id)))):
        raise RateLimited("Another erasure is running. Try again soon.", retry_after=5)
    be_patient(ERASURE_SECONDS)
    ids, more = _ids_of(actor, subject)
    wait_for_senders(actor.tenant_id)
    for listener in listeners():
        listener.forget(actor.tenant_id, ids)
    for model, column in ((EventKey, EventKey.event_id), (Event, Event.id)):
        session.execute(
            delete(model)
            .where(model.tenant_id == actor.tenant_id, column.in_(ids))
            .execution_options(synchronize_session=False)
        )
    # The answers to other applications are about events that this one does not see.
    about = subject if actor.app_id is None else None
    idempotency.forget_about(actor.tenant_id, ids, about)
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


def _erasure_of(tenant_id: str) -> ColumnElement[int]:
    return func.hashtextextended(f"erasure {tenant_id}", 0)


def _may_erase(actor: Actor) -> None:
    actor.require("events:publish")
    actor.require("webhooks:write")


def _ids_of(actor: Actor, subject: str) -> tuple[list[str], bool]:
    """Return the ids of a subject's events that the actor sees, at most ERASED_AT_ONCE, and whether
    there are more."""
    of_subject = Event.seen_by(actor).with_only_columns(Event.id).where(Event.subject == subject)
    found = list(session.scalars(of_subject.order_by(Event.id).limit(ERASED_AT_ONCE + 1)))
    return found[:ERASED_AT_ONCE], len(found) > ERASED_AT_ONCE
