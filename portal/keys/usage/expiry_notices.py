"""Events about keys that expire soon, and about keys that nobody uses. Each is sent once.

There are none for short-lived children, nor for a key while a successor works: its end was
requested.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, exists, func, select

from portal.core.jobs import in_time
from portal.database.actor import Actor
from portal.database.session import session
from portal.keys import service
from portal.keys.models import ApiKey, ApiKeyRuntime
from portal.keys.tables import KeyNotice

AHEAD = (1, 7, 14)  # days before a key expires
UNUSED_DAYS = 90
AT_ONCE = 1000


def announce_expiring(tenant_id: str) -> int:
    """Announce the keys that expire within 14, 7 and 1 days, as many as there is time for in one
    step, and return how many. A job that repeats.

    A key whose whole lifetime is shorter than that many days is left out.
    """
    days = case(*((_ends_within(number), number) for number in AHEAD))
    begins = ApiKey.expires_key - func.make_interval(0, 0, 0, days)
    what = func.concat("expiring_", days)
    query = (
        select(ApiKey, days)
        .where(*_announced_keys(tenant_id), *service.unfollowed_soon(), ApiKey.created_at <= begins)
        .where(~_was_announced(what, ApiKey.expires_key))
        .order_by(ApiKey.expires_key)
        .limit(AT_ONCE)
    )
    told = 0
    for record, number in in_time(session.execute(query).all()):
        data = {"expires_at": record.expires_at.isoformat(), "days": number}
        _announce(record, "expiring", data, f"expiring_{number}", record.expires_at)
        told += 1
    return told


def announce_unused(tenant_id: str) -> int:
    """Announce the keys that nobody used for 90 days, as many as there is time for in one step, and
    return how many. A job that repeats."""
    since = func.coalesce(ApiKeyRuntime.last_used_at, ApiKey.created_at)
    long_ago = func.now() - timedelta(days=UNUSED_DAYS)
    query = (
        select(ApiKey, ApiKeyRuntime.last_used_at, since)
        .join(
            ApiKeyRuntime,
            and_(ApiKeyRuntime.tenant_id == ApiKey.tenant_id, ApiKeyRuntime.key_id == ApiKey.id),
        )
        # `used_on` (the day) has the index, and `since` is exact.
        .where(ApiKeyRuntime.tenant_id == tenant_id, ApiKeyRuntime.used_on <= long_ago)
        .where(*_announced_keys(tenant_id), since <= long_ago, ~_was_announced("unused", since))
        .order_by(ApiKeyRuntime.used_on, ApiKeyRuntime.key_id)
        .limit(AT_ONCE)
    )
    told = 0
    for record, used_at, unused_since in in_time(session.execute(query).all()):
        data = {"last_used_at": used_at and used_at.isoformat(), "days": UNUSED_DAYS}
        _announce(record, "unused", data, "unused", unused_since)
        told += 1
    return told


def _announced_keys(tenant_id: str) -> tuple[ColumnElement[bool], ...]:
    return (
        ApiKey.tenant_id == tenant_id,
        ApiKey.status == "active",
        ApiKey.parent_key_id.is_(None),
    )


def _ends_within(days: int) -> ColumnElement[bool]:
    return ApiKey.expires_key <= func.now() + timedelta(days=days)


def _was_announced(what: ColumnElement[str] | str, about: Any) -> ColumnElement[bool]:
    return exists().where(
        KeyNotice.tenant_id == ApiKey.tenant_id,
        KeyNotice.key_id == ApiKey.id,
        KeyNotice.what == what,
        KeyNotice.about == about,
    )


def _announce(
    record: ApiKey, name: str, more: Mapping[str, Any], what: str, about: datetime | None
) -> None:
    actor = Actor(record.tenant_id, "system", "system", "Key upkeep", source_type="system")
    service.announce(actor, record, name, more)
    session.add(KeyNotice(tenant_id=record.tenant_id, key_id=record.id, what=what, about=about))
