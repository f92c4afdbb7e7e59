"""Read the audit log of a tenant: by page, the newest entries, and single ones."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, not_, select, union_all
from sqlalchemy.orm import aliased

from portal.database.actor import Actor
from portal.database.base import time_of
from portal.database.session import session
from portal.database.written import find_written
from portal.records import listing
from portal.records.audit import trail
from portal.records.audit.models import AuditEntry
from portal.records.health import Health, counted, listed
from portal.records.listing import Listing, Page, Query

SEVERAL = ("record_id", "actor_id", "action")
COMPARED = {
    "record_id": AuditEntry.record_id,
    "record_kind": AuditEntry.record_kind,
    "actor_id": AuditEntry.actor_id,
    "action": AuditEntry.action,
    "request_id": AuditEntry.request_id,
}
UNINDEXED = ("record_kind",)
# Typed for records. An entry has the columns that a list needs, and is never deleted.
LISTING: Listing[Any] = Listing(
    AuditEntry,
    filters=COMPARED,
    several=(*SEVERAL, "record_kind"),
    once_single=SEVERAL,
    quick=(*SEVERAL, "request_id"),
    combines=True,
    texts={"action": AuditEntry.action, "record_name": AuditEntry.record_name},
    ranges={"occurred_at": AuditEntry.occurred_at},
    sorts={"occurred_at": AuditEntry.occurred_at},
    default_sort="-occurred_at",
    # Nothing here tells the settings of a record.
    overseen=(*COMPARED, "record_name", "occurred_at"),
    is_keyed=True,
)
NOT_HERE = listing.OF_RECORDS | {"sort"}  # the newest are always first
LOOKED_AT = 200
MOST_TODAY = 1_000  # entries that are counted


def page(actor: Actor, query: Query) -> Page[Any]:
    """Return one page of the tenant's log, newest first.

    A credential of an application reads only what it did itself.
    """
    actor.require("audit:read")
    plain = replace(listing.one_by_one(query, UNINDEXED), include_deleted=True)
    also = [] if actor.app_id is None else [AuditEntry.actor_id == actor.id]
    if (cursor := query.cursor) is not None:
        at = listing.value_of(AuditEntry.occurred_at, cursor)
        # The comparison with the whole place does not leave out the partitions of other months.
        also.append(
            AuditEntry.occurred_at >= at if cursor.backward else AuditEntry.occurred_at <= at
        )
    columns = (AuditEntry, trail.is_closed(actor))
    found = listing.page(actor, LISTING, plain, columns, also)
    return replace(found, items=trail.read((entry, closed) for entry, closed, *_ in found.items))


def newest_of(actor: Actor, given: Mapping[str, Any], limit: int) -> Sequence[AuditEntry]:
    """Return the newest entries with the given values, which may also be `occurred_after`: of the
    newest LOOKED_AT of them those that the actor may know of."""
    actor.require("audit:read")

    def written(actor: Actor, given: Mapping[str, Any]) -> Select[Any]:
        own = () if actor.app_id is None else (AuditEntry.actor_id == actor.id,)
        newest = (
            select(AuditEntry)
            .where(AuditEntry.tenant_id == actor.tenant_id, *_conditions(given), *own)
            .order_by(AuditEntry.occurred_at.desc(), AuditEntry.id.desc())
            .limit(LOOKED_AT)
            .subquery()
        )
        return trail.newest_first(actor, aliased(AuditEntry, newest)).limit(limit)

    return trail.read(find_written(actor, ("newest of the log", limit), written, given))


def today(actor: Actor) -> Health:
    """Return the sentence that begins the log: how many entries of today the actor may know of and,
    if all of them are counted, how many made them."""
    actor.require("audit:read")
    midnight = func.date_trunc("day", func.now(), "UTC")
    entries = AuditEntry.seen_by(actor).where(AuditEntry.occurred_at >= midnight)
    newest = entries.order_by(AuditEntry.occurred_at.desc()).limit(MOST_TODAY + 1).subquery()
    by_itself = newest.c.actor_kind == "system"
    makers = func.count(newest.c.actor_id.distinct()).filter(not_(by_itself))
    figures = select(func.count(), makers, func.count().filter(by_itself))
    number, others, own = session.execute(figures.select_from(newest)).one()
    if not number:
        return Health("not_tried", "Nothing happened so far today (UTC).")
    said = f"{counted(number, 'entry', MOST_TODAY, 'entries')} today (UTC)"
    if number > MOST_TODAY:
        return Health("works", f"{said}.")
    people = counted(others, "person or program", nouns="people and programs") if others else ""
    by = listed([*filter(None, [people, "the portal itself" if own else ""])])
    return Health("works", f"{said}, by {by}.")


def _conditions(given: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    """Return the conditions of filters. Their values may also be parameters."""
    return [
        AuditEntry.occurred_at >= value if name == "occurred_after" else COMPARED[name] == value
        for name, value in given.items()
    ]


def one(actor: Actor, entry_id: str) -> AuditEntry | None:
    """Return one entry of the log that the actor may know of, or None.

    An id begins with its time by the portal's clock; the index is read around that time.
    """
    actor.require("audit:read")
    if (about := time_of(entry_id)) is None:
        return None
    near = AuditEntry.occurred_at.between(about - trail.LATELY, about + trail.LATELY)
    query = trail.newest_first(actor).where(near, AuditEntry.id == entry_id)
    if actor.app_id is not None:
        query = query.where(AuditEntry.actor_id == actor.id)
    return next(iter(trail.entries(query)), None)


def names_of_actors(actor: Actor, ids: Collection[str]) -> dict[str, str]:
    """Return id → the name that a person or a program had when it last did something."""
    return _last(actor, ids, AuditEntry.actor_id, AuditEntry.actor_name)


def names_of_records(actor: Actor, ids: Collection[str]) -> dict[str, str]:
    """Return id → the name that a record had when it last changed, if the actor may know it."""
    return _last(actor, ids, AuditEntry.record_id, AuditEntry.record_name)


def _last(actor: Actor, ids: Collection[str], id: Any, name: Any) -> dict[str, str]:
    if not ids:
        return {}
    newest = trail.newest_first(actor).with_only_columns(id.label("id"), name.label("name"))
    each = [newest.where(id == one).limit(1).subquery().select() for one in sorted(ids)]
    return {row.id: row.name for row in session.execute(union_all(*each)) if row.name}
