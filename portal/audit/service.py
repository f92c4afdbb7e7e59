"""Write and read what happened."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, tuple_

from portal.audit.models import AuditEntry
from portal.db import Actor, Record, new_id, session

Changes = Mapping[str, tuple[Any, Any]]


def record(
    actor: Actor, action: str, target: Record, changes: Changes | None = None
) -> AuditEntry:
    """Note one change of a record in the running transaction: kept exactly if the change is.

    `changes` maps a field to (before, after) and never holds a secret.
    """
    return note(
        actor,
        action,
        record_kind=target.noun,
        record_id=target.id,
        record_name=target.label,
        changes=changes,
    )


def note(
    actor: Actor,
    action: str,
    *,
    record_kind: str,
    record_id: str,
    record_name: str = "",
    changes: Changes | None = None,
) -> AuditEntry:
    """Note something that happened to a thing that is no record, such as a sign-in."""
    entry = AuditEntry(
        tenant_id=actor.tenant_id,
        id=new_id("aud"),
        action=action,
        record_kind=record_kind,
        record_id=record_id,
        record_name=record_name[:200],
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        changes={name: [_json(old), _json(new)] for name, (old, new) in (changes or {}).items()},
        ip=actor.origin.ip,
        user_agent=(actor.origin.user_agent or "")[:300] or None,
        request_id=actor.origin.request_id,
    )
    session.add(entry)
    return entry


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    return value


def history(
    actor: Actor, record_id: str, *, limit: int = 50, before: AuditEntry | None = None
) -> Sequence[AuditEntry]:
    """A record's entries, newest first; `before` continues below one of them."""
    query = (
        select(AuditEntry)
        .where(AuditEntry.tenant_id == actor.tenant_id, AuditEntry.record_id == record_id)
        .order_by(AuditEntry.occurred_at.desc(), AuditEntry.id.desc())
        .limit(limit)
    )
    if before is not None:
        place = tuple_(AuditEntry.occurred_at, AuditEntry.id)
        query = query.where(place < (before.occurred_at, before.id))
    return session.scalars(query).all()
