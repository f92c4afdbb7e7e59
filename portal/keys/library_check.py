"""Prevent an application that has live keys from becoming a library."""

from typing import Any

from sqlalchemy import func, select

from portal.applications.models import Application
from portal.core.errors import Conflict, FieldError
from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import session
from portal.keys.models import ApiKey

NAMED = 5


def follow(actor: Actor, record: Record, action: str, changes: Any) -> None:
    """Raise Conflict, with the names of the live keys, if their application becomes a library."""
    if isinstance(record, Application) and record.kind == "library" and "kind" in changes:
        live = (
            ApiKey.tenant_id == actor.tenant_id,
            ApiKey.application_id == record.id,
            ApiKey.status == "active",
            ApiKey.is_deleted.is_(False),
        )
        count = session.scalar(select(func.count()).select_from(ApiKey).where(*live)) or 0
        if count:
            first = select(ApiKey.name, ApiKey.key_prefix).where(*live).order_by(ApiKey.id)
            named = [f"{name} ({shown}…)" for name, shown in session.execute(first.limit(NAMED))]
            message = f"A library has no keys. Revoke these first: {_listed(named, count)}."
            raise Conflict(message, errors=[FieldError("kind", message)])


def _listed(named: list[str], count: int) -> str:
    more = count - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
