"""Write and read the audit log."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    false,
    func,
    insert,
    inspect,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from portal.database.actor import Actor
from portal.database.audience import KNOWN, closed_to
from portal.database.base import new_id
from portal.database.record import Record
from portal.database.session import send, session
from portal.fast.statements import Statement
from portal.records.audit.models import AuditEntry
from portal.records.listing import NOT_OURS, packed, refused, unpacked

# Every column except the one that the database fills. The values are those of an `entry`.
GIVEN = [given for given in AuditEntry.__table__.c if given.name != "occurred_at"]
COLUMNS = [given.name for given in GIVEN]
ENTRY = insert(AuditEntry).values({name: bindparam(f"entry_{name}") for name in COLUMNS})
ENTER = Statement(ENTRY)
Changes = Mapping[str, tuple[Any, Any]]
Place = tuple[datetime, str]  # of an entry in the log
LATELY, FEW = timedelta(minutes=10), 20
LOOKED_AT = 200


def record(actor: Actor, action: str, target: Record, changes: Changes | None = None) -> None:
    """Record one change of a record in the current transaction: both commit, or neither does.

    `changes` maps a field to (before, after) and never contains a secret.
    """
    send(ENTER, entry_of(actor, action, target, changes or {}))


def entry_of(actor: Actor, action: str, target: Record, changes: Changes) -> dict[str, Any]:
    """Return the audit entry for one change of a record."""
    return _entry(actor, action, target.noun, target.id, target.label, changes)


def note(
    actor: Actor,
    action: str,
    *,
    record_kind: str,
    record_id: str,
    record_name: str = "",
    changes: Changes | None = None,
) -> None:
    """Record an action on something that is not a record, such as a sign-in."""
    send(ENTER, _entry(actor, action, record_kind, record_id, record_name, changes or {}))


def note_all(
    actor: Actor, action: str, record_kind: str, noted: Iterable[tuple[str, str, Changes]]
) -> None:
    """Record one action on many records, each with its id, its name and its changes."""
    entries = [_entry(actor, action, record_kind, *one) for one in noted]
    rows = [{name.removeprefix("entry_"): v for name, v in entry.items()} for entry in entries]
    if rows:
        # One statement: a list of rows would be a statement for each, and a panic has thousands.
        given = func.jsonb_to_recordset(literal(rows, JSONB)).table_valued(*GIVEN)
        typed = select(given.render_derived(with_types=True))
        session.execute(insert(AuditEntry).from_select(COLUMNS, typed))


def _entry(
    actor: Actor,
    action: str,
    record_kind: str,
    record_id: str,
    record_name: str,
    changes: Changes,
) -> dict[str, Any]:
    entry = {
        "tenant_id": actor.tenant_id,
        "id": new_id(AuditEntry.id_prefix),
        "action": action,
        "record_kind": record_kind,
        "record_id": record_id,
        "record_name": record_name[:200],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "changes": as_json(changes),
        "ip": actor.origin.ip,
        "user_agent": (actor.origin.user_agent or "")[:300] or None,
        "request_id": actor.origin.request_id,
    }
    return {f"entry_{name}": value for name, value in entry.items()}


def as_json(changes: Changes) -> dict[str, list[Any]]:
    """Return changes as they are stored: field → the values before and after."""
    return {name: [_json(old), _json(new)] for name, (old, new) in changes.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def history(
    actor: Actor, record_id: str, *, limit: int = 50, before: str | None = None
) -> Sequence[AuditEntry]:
    """Return a record's entries, newest first, for every caller that may read the record.

    `before` is the `place` of an entry: the next older ones are returned.
    """
    return read(session.execute(history_query(actor, record_id, limit=limit, before=before)))


def history_query(
    actor: Actor,
    record_id: str,
    *,
    limit: int,
    before: str | None = None,
    without: Sequence[str] = (),
) -> Select[Any]:
    """Select what `history` returns, without some actions; `read` makes entries of its rows."""
    query = newest_first(actor).where(AuditEntry.record_id == record_id)
    if without:
        query = query.where(AuditEntry.action.not_in(without))
    return _older(query, _place(before)).limit(limit)


def history_page(
    actor: Actor, record_id: str, *, limit: int, cursor: str | None
) -> tuple[Sequence[AuditEntry], str | None]:
    """Return one page of a record's history, and the cursor of the next one."""
    found = history(actor, record_id, limit=limit + 1, before=cursor)
    return _paged(found, limit)


def place(entry: AuditEntry) -> str:
    """Return where an entry is in the log, for a cursor."""
    return packed([entry.occurred_at.isoformat(), entry.id])


def newest(actor: Actor, record_id: str, action: str) -> AuditEntry | None:
    """Return a record's newest entry of this action."""
    query = newest_first(actor).where(AuditEntry.record_id == record_id)
    return next(iter(entries(query.where(AuditEntry.action == action).limit(1))), None)


@dataclass(frozen=True, slots=True)
class LastChange:
    """The value of a field before the last saves of a record, and who saved it last and when."""

    before: Any
    actor_name: str
    at: datetime


def last_changes(record: Record, actor: Actor, saves: int) -> dict[str, LastChange]:
    """Return the fields that the last `saves` saves of a record have changed."""
    columns = set(inspect(record).attrs.keys())
    entries = [one for one in history(actor, record.id, limit=FEW) if columns & one.changes.keys()]
    found: dict[str, LastChange] = {}
    for entry in entries[:saves]:
        for name, (before, _) in entry.changes.items():
            last = found.get(name)
            by, at = (last.actor_name, last.at) if last else (entry.actor_name, entry.occurred_at)
            found[name] = LastChange(before, by, at)
    return found


def who_deleted(actor: Actor, deleted: Mapping[str, datetime]) -> dict[str, str]:
    """Return record id → the name of who deleted it, with one statement.

    `deleted` are records that the actor may know of, each with the time when it was deleted.
    """
    entry = AuditEntry
    query = (
        select(entry.record_id, entry.actor_name)
        .where(
            entry.tenant_id == actor.tenant_id,
            entry.record_id.in_(deleted),
            entry.action == func.concat(entry.record_kind, ".deleted"),
            # The entry has the time at which the transaction began.
            entry.occurred_at >= min(deleted.values()) - LATELY,
        )
        .ext(distinct_on(entry.record_id))
        .order_by(entry.record_id, entry.occurred_at.desc(), entry.id.desc())
    )
    return {row.record_id: row.actor_name for row in session.execute(query)}


def of_request(actor: Actor, request_id: str) -> Sequence[AuditEntry]:
    """Return what the actor did lately with one request, newest first."""
    query = newest_first(actor).where(
        AuditEntry.actor_id == actor.id,
        AuditEntry.occurred_at > func.now() - LATELY,
        AuditEntry.request_id == request_id,
    )
    return entries(query.limit(FEW))


def _older(query: Select[Any], place: Place | None) -> Select[Any]:
    if place is None:
        return query
    # The first comparison leaves out the partitions of later months; the second cannot do that.
    return query.where(
        AuditEntry.occurred_at <= place[0], tuple_(AuditEntry.occurred_at, AuditEntry.id) < place
    )


def _paged(found: Sequence[AuditEntry], limit: int) -> tuple[Sequence[AuditEntry], str | None]:
    """Return the first entries, and the cursor of the next page if there are more."""
    if len(found) <= limit:
        return found, None
    return found[:limit], place(found[limit - 1])


def newest_first(actor: Actor, entry: Any = AuditEntry) -> Select[Any]:
    """Select the entries that the actor may know of, each with `is_closed`."""
    query: Select[Any] = select(entry, is_closed(actor, entry))
    known = AuditEntry.known_to(actor, entry)
    return query.where(entry.tenant_id == actor.tenant_id, *known).order_by(
        entry.occurred_at.desc(), entry.id.desc()
    )


def is_closed(actor: Actor, entry: Any = AuditEntry) -> ColumnElement[bool]:
    """Return the condition that the record of an entry is closed to the actor. Only an admin knows
    of such an entry."""
    return closed_to(actor, entry.record_id) if actor.is_admin else false()


def entries(query: Select[Any]) -> Sequence[AuditEntry]:
    """Return the entries of a selection by `newest_first`."""
    return read(session.execute(query))


def read(rows: Iterable[Any]) -> Sequence[AuditEntry]:
    """Return the entries; those of a closed record without the changes of its settings."""
    return [_without_settings(entry) if closed else entry for entry, closed in rows]


def _without_settings(entry: AuditEntry) -> AuditEntry:
    columns = {name: getattr(entry, name) for name in (*COLUMNS, "occurred_at")}
    changes = {name: change for name, change in entry.changes.items() if name in KNOWN}
    return AuditEntry(**columns | {"changes": changes})


def _place(cursor: str | None) -> Place | None:
    if not cursor:
        return None
    try:
        moment, entry_id = unpacked(cursor)
        at = datetime.fromisoformat(moment)
    except (ValueError, TypeError):
        raise refused("cursor", NOT_OURS) from None
    if at.tzinfo is None or not isinstance(entry_id, str) or not entry_id.isprintable():
        raise refused("cursor", NOT_OURS)
    return at, entry_id
