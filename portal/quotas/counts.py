"""How many records of each kind a tenant has, exactly, also when many create at once.

The count is kept in parts: who creates takes from one that nobody else holds, so nobody waits
while there is room. Only when no free part has any does it wait for all, and then knows the count.
It is made once, by looking at every record, and kept by the transactions that change it.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.types import BigInteger

from portal.db import Record, send, session
from portal.driver import Statement
from portal.errors import QuotaReached
from portal.quotas import rates
from portal.quotas.models import QuotaCount
from portal.quotas.names import BY_NAME, Quota

PARTS = 16

_TAKEN = func.take_record(
    bindparam("tenant_id"), bindparam("quota"), bindparam("quota_default", type_=BigInteger)
).table_valued("verdict", "used", "allowed")
# Counts one more where it is asked for, and says [verdict, used, allowed].
TAKEN = select(
    func.json_build_array(_TAKEN.c.verdict, _TAKEN.c.used, _TAKEN.c.allowed)
).scalar_subquery()
TAKE = Statement(select(TAKEN))
GIVE_BACK = Statement(
    select(
        func.give_back_records(
            bindparam("tenant_id"), bindparam("kind"), bindparam("many", type_=BigInteger)
        )
    )
)


def asked(model: type[Record]) -> dict[str, Any]:
    """The values of TAKEN beside `tenant_id`."""
    quota = BY_NAME[model.quota]
    return {"quota": quota.name, "quota_default": quota.default}


def take(tenant_id: str, model: type[Record]) -> None:
    """Count one that comes back, before it does. Raises QuotaReached when there is no room."""
    values = {"tenant_id": tenant_id, **asked(model)}
    [(answer,)] = send(TAKE, values)
    if answer[0] == "uncounted":
        begin(tenant_id, model)
        [(answer,)] = send(TAKE, values)
    check(tenant_id, model, answer)


def created(tenant_id: str, model: type[Record], answer: Sequence[Any]) -> None:
    """What TAKEN said of one that is stored now. Raises QuotaReached when there was no room."""
    verdict, _, allowed = answer
    if verdict != "uncounted":
        check(tenant_id, model, answer)
    elif (live := begin(tenant_id, model)) is None:
        take(tenant_id, model)
    elif live > allowed:  # it is among them already
        check(tenant_id, model, ("full", live - 1, allowed))


def check(tenant_id: str, model: type[Record], answer: Sequence[Any]) -> None:
    """Raise QuotaReached if there was no room."""
    verdict, used, allowed = answer
    if verdict == "full":
        rates.known().tell(tenant_id, model.quota)
        raise reached(BY_NAME[model.quota], used, allowed)


def give_back(tenant_id: str, model: type[Record], many: int = 1) -> None:
    """Count fewer, after these were changed so that they count no more."""
    values = {"tenant_id": tenant_id, "kind": model.quota, "many": many}
    [(is_counted,)] = send(GIVE_BACK, values)
    # Who counts here finds them gone already; somebody else did not see that yet.
    if not is_counted and begin(tenant_id, model) is None:
        send(GIVE_BACK, values)


def begin(tenant_id: str, model: type[Record]) -> int | None:
    """Count all there are; None if somebody else has meanwhile. Others wait for it."""
    connection = session.connection()  # nothing that is not flushed may be counted yet
    name = f"quota_count:{tenant_id}:{model.quota}"
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    parts = _parts(tenant_id, model)
    if connection.scalar(select(QuotaCount.part).where(*parts).limit(1)) is None:
        return _write(tenant_id, model)
    return None


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


def _write(tenant_id: str, model: type[Record]) -> int:
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
    return int(live or 0)
