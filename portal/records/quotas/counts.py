"""Count a tenant's records of each kind exactly, also under concurrent creation.

A count is split into parts. Creating a record uses a part that no other transaction has locked, so
nothing waits while there is room. If no free part has room, the transaction locks all parts and
then knows the exact count. The first count reads every record; afterwards, each transaction that
changes records updates it.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import BigInteger

from portal.core.errors import QuotaReached
from portal.database.record import Record
from portal.database.session import send, session
from portal.fast.statements import Statement
from portal.records.quotas import rates
from portal.records.quotas.limits import BY_NAME, Quota
from portal.records.quotas.models import QuotaCount, TenantQuota

PARTS = 16
RETURNED = PARTS
"""The part of what is given back while others hold all parts; `give_back_records` knows it, too."""

_TAKEN = func.take_record(
    bindparam("tenant_id"), bindparam("quota"), bindparam("quota_default", type_=BigInteger)
).table_valued("verdict", "used", "allowed")
# Counts one more record when it is selected, and returns [verdict, used, allowed].
TAKEN = select(
    func.json_build_array(_TAKEN.c.verdict, _TAKEN.c.used, _TAKEN.c.allowed)
).scalar_subquery()
TAKE = Statement(select(TAKEN))
_ALL_TAKEN = func.take_records(
    bindparam("tenant_id"),
    bindparam("quota"),
    bindparam("quota_default", type_=BigInteger),
    bindparam("many", type_=BigInteger),
).table_valued("verdict", "used", "allowed")
TAKE_ALL = Statement(select(_ALL_TAKEN.c.verdict, _ALL_TAKEN.c.used, _ALL_TAKEN.c.allowed))
GIVE_BACK = Statement(
    select(
        func.give_back_records(
            bindparam("tenant_id"), bindparam("kind"), bindparam("many", type_=BigInteger)
        )
    )
)


def parameters(model: type[Record]) -> dict[str, Any]:
    """Return the parameters of TAKEN except `tenant_id`."""
    quota = BY_NAME[model.quota]
    return {"quota": quota.name, "quota_default": quota.default}


def take(tenant_id: str, model: type[Record]) -> None:
    """Count one record that is restored or new. Raises QuotaReached if there is no room."""
    values = {"tenant_id": tenant_id, **parameters(model)}
    [(answer,)] = send(TAKE, values)
    if answer[0] == "uncounted":
        begin(tenant_id, model)
        [(answer,)] = send(TAKE, values)
    check(tenant_id, model, answer)


def created(tenant_id: str, model: type[Record], answer: Sequence[Any]) -> None:
    """Check what TAKEN returned for a record that is now stored.

    Raises QuotaReached if there was no room.
    """
    verdict, _, allowed = answer
    if verdict != "uncounted":
        check(tenant_id, model, answer)
    elif (live := begin(tenant_id, model)) is None:
        take(tenant_id, model)
    elif live > allowed:  # the first count includes this record already
        check(tenant_id, model, ("full", live - 1, allowed))


def took(tenant_id: str, model: type[Record], many: int) -> None:
    """Count new records that are now stored. Raises QuotaReached if there was no room for all."""
    values = {"tenant_id": tenant_id, **parameters(model), "many": many}
    [answer] = send(TAKE_ALL, values)
    verdict, _, allowed = answer
    if verdict != "uncounted":
        check(tenant_id, model, answer)
    elif (live := begin(tenant_id, model)) is None:
        took(tenant_id, model, many)
    elif live > allowed:  # the first count includes these records already
        check(tenant_id, model, ("full", live - many, allowed))


def check(tenant_id: str, model: type[Record], answer: Sequence[Any]) -> None:
    """Raise QuotaReached if the answer of TAKEN is that there was no room."""
    verdict, used, allowed = answer
    if verdict == "full":
        rates.known().log_reached(tenant_id, model.quota)
        raise reached(BY_NAME[model.quota], used, allowed)


def give_back(tenant_id: str, model: type[Record], many: int = 1) -> None:
    """Subtract records that have just changed and no longer count."""
    values = {"tenant_id": tenant_id, "kind": model.quota, "many": many}
    [(is_counted,)] = send(GIVE_BACK, values)
    # Our own first count does not include these records; another transaction's still does.
    if not is_counted and begin(tenant_id, model) is None:
        send(GIVE_BACK, values)


def begin(tenant_id: str, model: type[Record]) -> int | None:
    """Count all records for the first time and return the count.

    Return None if another transaction has done it. Concurrent calls wait.
    """
    connection = session.connection()  # flush first, so that every record is counted
    name = f"quota_count:{tenant_id}:{model.quota}"
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
    parts = _parts(tenant_id, model)
    if connection.scalar(select(QuotaCount.part).where(*parts).limit(1)) is None:
        return _write(tenant_id, model)
    return None


def count_again(tenant_id: str, model: type[Record]) -> None:
    """Correct the count by reading every record, while no record can be created. Records are still
    given back (RETURNED).

    An older release that runs during an update does not count, so the count may be wrong.
    """
    connection = session.connection()
    parts = _parts(tenant_id, model)
    makers = select(QuotaCount.part).where(*parts, QuotaCount.part < RETURNED)
    held = makers.order_by(QuotaCount.part).with_for_update()
    if connection.execute(held).all():
        _write(tenant_id, model)


def full(tenant_id: str, models: Iterable[type[Record]]) -> dict[str, str]:
    """Return quota → why no record can be restored, for those of these kinds that have no room."""
    limits = {model.quota: BY_NAME[model.quota] for model in models}
    own = and_(TenantQuota.tenant_id == QuotaCount.tenant_id, TenantQuota.name == QuotaCount.kind)
    counted = (
        select(QuotaCount.kind, func.sum(QuotaCount.live), TenantQuota.value)
        .outerjoin(TenantQuota, own)
        .where(QuotaCount.tenant_id == tenant_id, QuotaCount.kind.in_(limits))
        .group_by(QuotaCount.kind, TenantQuota.value)
    )
    return {
        kind: reached(limits[kind], used, allowed or limits[kind].default).detail
        for kind, used, allowed in session.execute(counted)
        if used >= (allowed or limits[kind].default)
    }


def reached(quota: Quota, used: int, allowed: int) -> QuotaReached:
    """Return the error, with the numbers."""
    return QuotaReached(
        f"Your tenant has {used:,} of {allowed:,} {quota.plural}. {quota.room}",
        quota=quota.name,
        used=used,
        limit=allowed,
    )


def _parts(tenant_id: str, model: type[Record]) -> tuple[Any, Any]:
    return QuotaCount.tenant_id == tenant_id, QuotaCount.kind == model.quota


def _write(tenant_id: str, model: type[Record]) -> int:
    """Write the count into the first part. The next record near the limit distributes the room."""
    connection = session.connection()
    parts = _parts(tenant_id, model)
    counted = (
        select(func.count())
        .select_from(model)
        .where(model.tenant_id == tenant_id, model.is_counted)
    )
    # In one statement: the count has what was given back until then, and nothing later.
    late = select(QuotaCount.live).where(*parts, QuotaCount.part == RETURNED)
    live, given_back = connection.execute(
        select(counted.scalar_subquery(), func.coalesce(late.scalar_subquery(), 0))
    ).one()
    # Who holds this part may wait for the others, which this transaction holds. It then keeps what
    # it has, and part 0 what that subtracts.
    is_ours = connection.execute(late.with_for_update(skip_locked=True)).first() is not None
    first = live if is_ours else live - given_back
    rows = [
        {"tenant_id": tenant_id, "kind": model.quota, "part": part}
        | {"live": first if part == 0 else 0, "room": 0, "of_limit": live}
        for part in range(PARTS)
    ]
    write = insert(QuotaCount).values(rows)
    # Never delete a part: a transaction that waits for the parts would find none to lock, and count
    # beside the others that wait.
    write = write.on_conflict_do_update(
        index_elements=["tenant_id", "kind", "part"],
        set_={name: write.excluded[name] for name in ("live", "room", "of_limit")},
    )
    connection.execute(write)
    if is_ours and given_back:
        folded = update(QuotaCount).where(*parts, QuotaCount.part == RETURNED)
        connection.execute(folded.values(live=QuotaCount.live - given_back))
    return int(live or 0)
