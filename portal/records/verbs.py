"""Create, change, delete and restore records of every kind, each with an audit entry.

A feature's service does what is special and calls these functions for the rest.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, inspect, true, union
from sqlalchemy.orm import InstrumentedAttribute

from portal.core.errors import Conflict
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.json_values import same
from portal.database.record import Record, find
from portal.database.session import database_now, flush, session
from portal.records import new_record, search
from portal.records.audit import trail as audit_trail
from portal.records.quotas import counts

R = TypeVar("R", bound=Record)
RESTORE_DAYS = 30
OFFERED = 200  # records that a form's select field offers
Changes = Mapping[str, tuple[Any, Any]]
Watcher = Callable[[Actor, Record, str, Changes], None]

WatcherOfAll = Callable[[Actor, Sequence[tuple[Record, Changes]], str], None]

_watchers: dict[Watcher, WatcherOfAll | None] = {}


def watch(watcher: Watcher, watch_all: WatcherOfAll | None = None) -> None:
    """Call `watcher` on every change of every record, in the transaction that makes it.

    It gets the actor, the record, the verb (`created`, `updated`, …) and the changes. An error that
    it raises refuses the change: the whole transaction is rolled back. `watch_all`, if given, gets
    records that changed together instead, each with its changes.
    """
    _watchers.setdefault(watcher, watch_all)


def note(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    """Record what happened to a record in its history, and notify the watchers.

    `change` and the other functions here do this already.
    """
    audit_trail.record(actor, f"{record.noun}.{action}", record, changes)
    _announce(actor, record, action, changes)


def _announce_all(actor: Actor, changed: Sequence[tuple[Record, Changes]], action: str) -> None:
    for watcher, watch_all in _watchers.items():
        if watch_all is not None:
            watch_all(actor, changed, action)
            continue
        for record, changes in changed:
            watcher(actor, record, action, changes)


def _announce(actor: Actor, record: Record, action: str, changes: Changes) -> None:
    for watcher in _watchers:
        watcher(actor, record, action, changes)


@dataclass(frozen=True, slots=True)
class Revealed(Generic[R]):
    """A new record and the secret that is shown with it only once.

    `once` maps a field on the wire to its secret. It is part of the response to the create request,
    and of nothing else.
    """

    record: R
    once: dict[str, str] = field(repr=False)

    def __repr__(self) -> str:
        return f"<Revealed {self.record.id}>"


def create(actor: Actor, record: R, values: Mapping[str, Any]) -> R:
    """Fill the common envelope of a new record, store it and add an audit entry.

    Raises QuotaReached when the tenant's quota is used up, Conflict or Invalid when a constraint of
    the database fails.
    """
    new, given = _new(actor, record, values)
    new_record.store(record, new.terms, new.entry)
    _announce(actor, record, "created", given)
    return record


def create_all(actor: Actor, made: Sequence[tuple[R, Mapping[str, Any]]]) -> list[R]:
    """Create records of one kind, each with its values, in a few statements.

    Raises what `create` raises, without saying which record it is about.
    """
    filled = [_new(actor, record, values) for record, values in made]
    new_record.store_all([new for new, _ in filled])
    created = [(new.record, given) for new, given in filled]
    _announce_all(actor, created, "created")
    return [record for record, _ in made]


def _new(actor: Actor, record: Record, values: Mapping[str, Any]) -> tuple[new_record.New, Changes]:
    """Fill the common envelope of a new record; return what is stored with it, and what it got."""
    for name, value in values.items():
        setattr(record, name, value)
    record.tenant_id = actor.tenant_id
    record.id = record.id or new_id(record.id_prefix)
    record.app_id = actor.app_id
    record.created_by = record.updated_by = actor.person_id or actor.id
    record.source_type = actor.source_type
    given = {name: (None, value) for name, value in values.items() if value not in (None, [], {})}
    entry = audit_trail.entry_of(actor, f"{record.noun}.created", record, given)
    return new_record.New(record, terms_of(record), entry), given


def change(
    actor: Actor, record: R, values: Mapping[str, Any], *, action: str = "updated", why: str = ""
) -> R:
    """Write the values that differ. If none differs, write nothing and keep the version.

    `why` is the field with the reason. The history has it also if it is the same as before.
    Raises Forbidden when the actor may only read the record, StaleVersion when somebody else saved
    in between, QuotaReached when the change restores a record and the tenant's quota is used up.
    """
    found_by, counted = terms_of(record), record.is_counted
    changed = _set(actor, record, values)
    if not changed:
        return record
    if why and (reason := getattr(record, why)):
        changed.setdefault(why, (reason, reason))
    if record.is_counted and not counted:
        counts.take(actor.tenant_id, type(record))
    flush()
    if counted and not record.is_counted:
        counts.give_back(actor.tenant_id, type(record))
    if (now_found_by := terms_of(record)) != found_by:
        search.index(record, now_found_by)
    note(actor, record, action, changed)
    return record


def change_all(actor: Actor, wanted: Iterable[tuple[Record, Mapping[str, Any]]]) -> None:
    """Write the values that differ of records of one kind, each with its own, in a few statements.

    None of them may be one by which a record is found, or that decides whether it is counted.
    Raises what `change` raises, without saying which record it is about.
    """
    each = ((record, _set(actor, record, values)) for record, values in wanted)
    changed = [(record, changes) for record, changes in each if changes]
    if not changed:
        return
    flush()
    noun = changed[0][0].noun
    entries = ((record.id, record.label, changes) for record, changes in changed)
    audit_trail.note_all(actor, f"{noun}.updated", noun, entries)
    _announce_all(actor, changed, "updated")


def _set(actor: Actor, record: Record, values: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Give a record the values that differ, and return them with those of before. Raises Forbidden
    when the actor may only read the record."""
    differing = {n: value for n, value in values.items() if not same(getattr(record, n), value)}
    if differing:
        record.permit(actor, differing)  # before the audience itself may be another one
    for name, value in differing.items():
        setattr(record, name, value)
    changed = changes_of(record)
    if changed:
        record.updated_by = actor.person_id or actor.id
    return changed


def delete(actor: Actor, record: R) -> R:
    """Delete softly: hide a record from lists and lookups, but keep it for RESTORE_DAYS days."""
    values = {"is_deleted": True, "deleted_at": database_now(), "deleted_by": actor.id}
    return change(actor, record, values, action="deleted")


def restore(
    actor: Actor,
    model: type[R],
    record_id: str,
    also: Callable[[R], Mapping[str, Any]] = lambda _: {},
) -> R:
    """Undo a soft delete, and write what `also` returns. Raises Conflict when it is too late or the
    record is not deleted."""
    record = find(model, actor, record_id, lock=True, include_deleted=True)
    if record.deleted_at is None:
        raise Conflict(f"This {record.noun} is not deleted.")
    if (database_now() - record.deleted_at).days >= RESTORE_DAYS:
        raise Conflict(f"This {record.noun} was deleted more than {RESTORE_DAYS} days ago.")
    values = {"is_deleted": False, "deleted_at": None, "deleted_by": None, **also(record)}
    return change(actor, record, values, action="restored")


def choices(
    actor: Actor,
    model: type[R],
    by: InstrumentedAttribute[str],
    text: InstrumentedAttribute[str],
    also: Iterable[str | None] = (),
    which: ColumnElement[bool] | None = None,
) -> list[tuple[str, str]]:
    """Return (id, text) of the first OFFERED records in the order of `by`, with one statement.

    `which` narrows them, if given. `also` are ids to include in any case, such as the chosen one:
    without it, a select element would choose another one.
    """
    own = model.seen_by(actor).with_only_columns(model.id, text, by)
    live = own.where(model.is_deleted.is_(False), true() if which is None else which)
    first = live.order_by(by, model.id).limit(OFFERED)
    wanted = [record_id for record_id in also if record_id]
    # A union instead of an OR, which would read every record.
    shown = union(first, own.where(model.id.in_(wanted))) if wanted else first
    found = session.execute(shown).all()
    return [(id, text) for id, text, _ in sorted(found, key=lambda row: (row[2], row[0]))]


def terms_of(record: Record) -> set[str]:
    """Return the terms by which this record is found."""
    return search.terms_of(record.id, record.search_texts(), getattr(record, "tags", None) or ())


def changes_of(record: Record) -> dict[str, tuple[Any, Any]]:
    """Return the changes of a record that are not stored yet: field → (before, after)."""
    changed = {}
    for attribute in inspect(record).attrs:
        history = attribute.history
        if history.has_changes():
            before = history.deleted[0] if history.deleted else None
            changed[attribute.key] = (before, attribute.value)
    return changed
