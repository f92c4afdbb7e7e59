"""How many records of each kind a tenant has, exactly, also when many create at once.

The count is kept in parts: who creates takes from one that nobody else holds, so nobody waits
while there is room. Only when no free part has any does it wait for all, and then knows the count.
It is made once, by looking at every record, and kept by the transactions that change it.
"""

from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, text
from sqlalchemy.types import BigInteger

from portal.db import Record, send, session
from portal.driver import Statement
from portal.errors import QuotaReached
from portal.quotas.models import QuotaCount
from portal.quotas.names import BY_NAME, Quota

PARTS = 16

TAKE = Statement(
    select(text("verdict, used, allowed")).select_from(
        func.take_record(
            bindparam("tenant_id"), bindparam("kind"), bindparam("default", type_=BigInteger)
        )
    )
)
GIVE_BACK = Statement(
    select(
        func.give_back_records(
            bindparam("tenant_id"), bindparam("kind"), bindparam("many", type_=BigInteger)
        )
    )
)


def take(tenant_id: str, model: type[Record]) -> None:
    """Count one record that is about to be there. Raises QuotaReached when there is no room."""
    quota = BY_NAME[model.quota]
    asked = {"tenant_id": tenant_id, "kind": quota.name, "default": quota.default}
    [(verdict, used, allowed)] = send(TAKE, asked)
    if verdict == "uncounted":
        begin(tenant_id, model)
        [(verdict, used, allowed)] = send(TAKE, asked)
    if verdict == "full":
        raise reached(quota, used, allowed)


def give_back(tenant_id: str, model: type[Record], many: int = 1) -> None:
    """Count fewer, after these were changed so that they count no more."""
    asked = {"tenant_id": tenant_id, "kind": model.quota, "many": many}
    [(is_counted,)] = send(GIVE_BACK, asked)
    if not is_counted:
        begin(tenant_id, model)  # finds them gone already


def begin(tenant_id: str, model: type[Record]) -> None:
    """Count all there are, unless somebody else has meanwhile; others wait for it."""
    connection = session.connection()  # nothing that is not flushed may be counted yet
    name = f"quota_count:{tenant_id}:{model.quota}"
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    parts = _parts(tenant_id, model)
    if connection.scalar(select(QuotaCount.part).where(*parts).limit(1)) is None:
        _write(tenant_id, model)


def count_again(tenant_id: str, model: type[Record]) -> None:
    """Correct the count by looking at every record, while nobody creates any.

    What a release before this one makes is not counted, so there may be something to correct.
    """
    connection = session.connection()
    parts = _parts(tenant_id, model)
    held = select(QuotaCount.part).where(*parts).order_by(QuotaCount.part).with_for_update()
    if connection.execute(held).all():
        connection.execute(delete(QuotaCount).where(*parts))
        _write(tenant_id, model)


def reached(quota: Quota, used: int, allowed: int) -> QuotaReached:
    """The refusal, with the numbers."""
    return QuotaReached(
        f"Your tenant has {used:,} of {allowed:,} {quota.plural}. {quota.room}",
        quota=quota.name,
        used=used,
        limit=allowed,
    )


def _parts(tenant_id: str, model: type[Record]) -> tuple[Any, Any]:
    return QuotaCount.tenant_id == tenant_id, QuotaCount.kind == model.quota


def _write(tenant_id: str, model: type[Record]) -> None:
    """All that are there stand in the first part; who comes next lays the rest out."""
    connection = session.connection()
    live = connection.scalar(
        select(func.count())
        .select_from(model)
        .where(model.tenant_id == tenant_id, model.is_counted)
    )
    rows = [
        {"tenant_id": tenant_id, "kind": model.quota, "part": part}
        | {"live": live if part == 0 else 0, "room": 0, "of_limit": live}
        for part in range(PARTS)
    ]
    connection.execute(insert(QuotaCount), rows)
