"""Write and read the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, bindparam, false, insert, not_, select, tuple_

from portal.core.errors import BadRequest, FieldError
from portal.database.actor import Actor
from portal.database.audience import KNOWN, closed_to
from portal.database.base import new_id
from portal.database.record import Record
from portal.database.session import send, session
from portal.fast.statements import Statement
from portal.records.audit.models import AuditEntry

# Every column except the one that the database fills. The values are those of an `entry`.
COLUMNS = [column.name for column in AuditEntry.__table__.c if column.name != "occurred_at"]
ENTRY = insert(AuditEntry).values({name: bindparam(f"entry_{name}") for name in COLUMNS})
ENTER = Statement(ENTRY)
Changes = Mapping[str, tuple[Any, Any]]


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
        "id": new_id("aud"),
        "action": action,
        "record_kind": record_kind,
        "record_id": record_id,
        "record_name": record_name[:200],
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "actor_name": actor.name[:200],
        "changes": {name: [_json(old), _json(new)] for name, (old, new) in changes.items()},
        "ip": actor.origin.ip,
        "user_agent": (actor.origin.user_agent or "")[:300] or None,
        "request_id": actor.origin.request_id,
    }
    return {f"entry_{name}": value for name, value in entry.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def history(
    actor: Actor,
    record_id: str,
    *,
    limit: int = 50,
    before: str | None = None,
    without: Sequence[str] = (),
) -> Sequence[AuditEntry]:
    """Return a record's entries, newest first, for every caller that may read the record.

    `before` is the `place` of an entry: the next older ones are returned. `without` are actions.
    """
    query = _newest_first(actor).where(AuditEntry.record_id == record_id)
    if (at := _place(before)) is not None:
        query = query.where(tuple_(AuditEntry.occurred_at, AuditEntry.id) < at)
    if without:
        query = query.where(AuditEntry.action.not_in(without))
    return _read(query.limit(limit))


def place(entry: AuditEntry) -> str:
    """Return where an entry is in the log, for a cursor."""
    return f"{entry.occurred_at.isoformat()} {entry.id}"


def newest(actor: Actor, record_id: str, action: str) -> AuditEntry | None:
    """Return a record's newest entry of this action."""
    query = _newest_first(actor).where(AuditEntry.record_id == record_id)
    return next(iter(_read(query.where(AuditEntry.action == action).limit(1))), None)


@dataclass(frozen=True, slots=True)
class Question:
    """A query of the audit log. `before` is the place of the last entry seen."""

    record_id: str = ""
    actor_id: str = ""
    before: tuple[datetime, str] | None = None


def question(arguments: Mapping[str, str]) -> Question:
    """Return the query in a query string. Raises BadRequest for a cursor that is not ours."""
    return Question(
        record_id=arguments.get("record_id", "").strip()[:60],
        actor_id=arguments.get("actor_id", "").strip()[:80],
        before=_place(arguments.get("cursor")),
    )


def log(
    actor: Actor, asked: Question, *, limit: int = 50
) -> tuple[Sequence[AuditEntry], str | None]:
    """Return one page of the tenant's log, newest first, and the cursor of the next page."""
    actor.require("audit:read")
    query = _newest_first(actor)
    if asked.record_id:
        query = query.where(AuditEntry.record_id == asked.record_id)
    if asked.actor_id:
        query = query.where(AuditEntry.actor_id == asked.actor_id)
    if asked.before is not None:
        query = query.where(tuple_(AuditEntry.occurred_at, AuditEntry.id) < asked.before)
    found = _read(query.limit(limit + 1))
    if len(found) <= limit:
        return found, None
    return found[:limit], place(found[limit - 1])


def _newest_first(actor: Actor) -> Select[AuditEntry, bool]:
    """Select the entries that the actor may know of, each with whether its record is closed to the
    actor. Only an admin knows of such an entry."""
    closed = closed_to(actor, AuditEntry.record_id)
    query = select(AuditEntry, closed if actor.is_admin else false())
    known = () if actor.is_admin else (not_(closed),)
    return query.where(AuditEntry.tenant_id == actor.tenant_id, *known).order_by(
        AuditEntry.occurred_at.desc(), AuditEntry.id.desc()
    )


def _read(query: Select[AuditEntry, bool]) -> Sequence[AuditEntry]:
    """Return the entries; those of a closed record without the changes of its settings."""
    return [
        _without_settings(entry) if closed else entry for entry, closed in session.execute(query)
    ]


def _without_settings(entry: AuditEntry) -> AuditEntry:
    columns = {name: getattr(entry, name) for name in (*COLUMNS, "occurred_at")}
    changes = {name: change for name, change in entry.changes.items() if name in KNOWN}
    return AuditEntry(**columns | {"changes": changes})


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    moment, _, entry_id = cursor.partition(" ")
    try:
        at = datetime.fromisoformat(moment)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or not entry_id.isprintable():
        message = "This cursor is not one of ours. Start from the first page."
        raise BadRequest(message, errors=[FieldError("cursor", message)])
    return at, entry_id
