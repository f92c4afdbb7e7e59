"""Estimate the bytes of a tenant's events, deliveries, attempts, inbound requests, and of answers
kept for Idempotency-Key.

The worker measures each row once, soon after it was written, in the order of time, and stores a sum
for each day. It deletes the days that have no rows left. When some rows of a day were deleted, and
once a week, it measures everything again as soon as it has measured all that is new. Until that is
done, the last sum is used.
"""

import threading
from typing import NamedTuple

from flask import Flask, current_app
from sqlalchemy import TextClause, bindparam, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.deadlines import elapsed
from portal.core.errors import QuotaReached
from portal.database.session import session
from portal.records.quotas import rates
from portal.records.quotas.limits import STORED
from portal.records.quotas.models import Stored, StoredDay, TenantQuota

AT_ONCE = 50_000  # rows that are measured in one transaction
REMEMBERED = 2.0  # seconds that a process remembers a tenant's sum
MOST_REMEMBERED = 10_000


class Kind(NamedTuple):
    """Describe a table whose rows are measured.

    The fields are the table, the prefix of its ids (none: it is read in the order of time), the
    column with a row's time, and an SQL estimate of a row's bytes: its large columns as stored, and
    a constant for the rest with its indexes.
    """

    table: str
    prefix: str
    came_at: str
    size: str


ANSWERS = Kind(  # kept for idempotency keys, for a day
    "idempotency_key", "", "created_at", "400 + coalesce(pg_column_size(answer), 0)"
)
KINDS = (
    Kind("event", "evt", "received_at", "600 + pg_column_size(data)"),
    Kind("delivery", "dlv", "created_at", "800"),
    Kind(
        "delivery_attempt",
        "att",
        "created_at",
        "900 + pg_column_size(request_body) + pg_column_size(response_body)"
        " + pg_column_size(request_headers) + pg_column_size(response_headers)",
    ),
    Kind(
        "inbound_request",
        "inr",
        "received_at",
        "700 + pg_column_size(body) + pg_column_size(headers)",
    ),
    ANSWERS,
)
# Rows of the last minute may not be committed or complete yet.
IN_ORDER_OF_IDS = """
    SELECT id AS place, {came_at} AS came_at, {size} AS size FROM {table}
    WHERE tenant_id = :tenant_id AND id > :up_to
        AND id >= '{prefix}_' AND id < ulid_floor('{prefix}', now() - interval '1 minute')
    ORDER BY id LIMIT :most
"""
IN_ORDER_OF_TIME = """
    SELECT to_char({came_at} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS place,
        {came_at} AS came_at, {size} AS size FROM {table}
    WHERE tenant_id = :tenant_id
        AND {came_at} > coalesce(CAST(nullif(:up_to, '') AS timestamptz), '-infinity')
        AND {came_at} < now() - interval '1 minute'
    ORDER BY {came_at} LIMIT :most
"""
MEASURE = """
WITH rows AS ({rows}), days AS (
    INSERT INTO quota_stored_day AS d (tenant_id, kind, day, bytes, up_to)
    SELECT :tenant_id, '{table}', (came_at AT TIME ZONE 'UTC')::date, sum(size), max(place)
    FROM rows GROUP BY 3
    ON CONFLICT (tenant_id, kind, day) DO UPDATE
    SET bytes = d.bytes + excluded.bytes, up_to = greatest(d.up_to, excluded.up_to)
) SELECT count(*) FROM rows
"""
FORGET = """
DELETE FROM quota_stored_day
WHERE tenant_id = :tenant_id AND kind = '{table}' AND day < coalesce((
    SELECT ({came_at} AT TIME ZONE 'UTC')::date FROM {table}
    WHERE tenant_id = :tenant_id {of_kind} LIMIT 1), 'infinity')
"""


def _statements(kind: Kind) -> tuple[TextClause, TextClause]:
    """Return the statements that measure new rows, and forget the days that have none left."""
    names = kind._asdict()
    rows = IN_ORDER_OF_IDS if kind.prefix else IN_ORDER_OF_TIME
    of_kind = "AND id >= '{prefix}_' ORDER BY id" if kind.prefix else "ORDER BY {came_at}"
    return (
        text(MEASURE.format(rows=rows.format(**names), **names)),
        text(FORGET.format(of_kind=of_kind.format(**names), **names)),
    )


STATEMENTS = {kind.table: _statements(kind) for kind in KINDS}


def measure(tenant_id: str) -> bool:
    """Measure the rows that are new since the last time. Return whether there are more.

    Once all are measured, update the sum. Only then begin anew, if rows were deleted meanwhile: who
    deletes again and again would otherwise never be measured.
    """
    if max(_measure(tenant_id, kind) for kind in KINDS) == AT_ONCE:
        measure_soon(tenant_id)
        return True
    own = StoredDay.tenant_id == tenant_id
    total = select(func.coalesce(func.sum(StoredDay.bytes), 0)).where(own).scalar_subquery()
    statement = insert(Stored).values(tenant_id=tenant_id, bytes=total)
    # It reads `all_again` under the row's lock: an erasure that commits meanwhile is not forgotten.
    statement = statement.on_conflict_do_update(
        index_elements=["tenant_id"],
        set_={
            "bytes": statement.excluded.bytes,
            "measured_at": func.now(),
            "is_stale": Stored.all_again,
            "all_again": False,
        },
    )
    begins_anew = bool(session.scalar(statement.returning(Stored.is_stale)))
    if begins_anew:
        session.execute(delete(StoredDay).where(own))
    return begins_anew


def measure_anew(tenant_id: str) -> None:
    """Make the worker measure all rows again, because some rows of a day were deleted."""
    asked = {"is_stale": True, "all_again": True}
    statement = insert(Stored).values(tenant_id=tenant_id, bytes=0, **asked)
    session.execute(statement.on_conflict_do_update(index_elements=["tenant_id"], set_=asked))


def measure_soon(tenant_id: str) -> None:
    """Make the worker measure a tenant without new rows, because the oldest rows were deleted."""
    stale = update(Stored).where(Stored.tenant_id == tenant_id).values(is_stale=True)
    session.execute(stale.execution_options(synchronize_session=False))


def _measure(tenant_id: str, kind: Kind) -> int:
    measuring, forgetting = STATEMENTS[kind.table]
    of_kind = (StoredDay.tenant_id == tenant_id, StoredDay.kind == kind.table)
    up_to = session.scalar(select(func.max(StoredDay.up_to)).where(*of_kind)) or ""
    values = {"tenant_id": tenant_id, "up_to": up_to, "most": AT_ONCE}
    count = session.execute(measuring, values).scalar_one()
    session.execute(forgetting, {"tenant_id": tenant_id})
    return int(count)


# ---------------------------------------------------------------- whether there is room


SUM = select(
    Stored.bytes,
    select(TenantQuota.value)
    .where(TenantQuota.tenant_id == Stored.tenant_id, TenantQuota.name == STORED.name)
    .scalar_subquery(),
).where(Stored.tenant_id == bindparam("tenant_id"))


class Room:
    """Hold the totals that one process knows, each for two seconds. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, int, int]] = {}

    def check(self, tenant_id: str) -> None:
        """Raise QuotaReached if the tenant's stored bytes are at the limit."""
        with self._lock:
            known = self._known.get(tenant_id)
        now = elapsed()
        if known is None or known[0] <= now:
            row = session.execute(SUM, {"tenant_id": tenant_id}).first()
            used, allowed = (row[0], row[1] or STORED.default) if row else (0, STORED.default)
            known = (now + REMEMBERED, used, allowed)
            with self._lock:
                if len(self._known) >= MOST_REMEMBERED:
                    self._known.clear()
                self._known[tenant_id] = known
        if known[1] >= known[2]:
            rates.known().log_reached(tenant_id, STORED.name)
            raise _full(known[1], known[2])

    def is_there(self, tenant_id: str) -> bool:
        """Tell whether a total that this process knows is below the limit.

        This never queries PostgreSQL, so an event loop may call it. `check` reports why it is
        False.
        """
        with self._lock:
            known = self._known.get(tenant_id)
        return known is not None and known[0] > elapsed() and known[1] < known[2]

    def forget(self) -> None:
        """Forget all totals."""
        with self._lock:
            self._known.clear()


def _full(used: int, allowed: int) -> QuotaReached:
    return QuotaReached(
        "Your tenant's events, deliveries, inbound requests and answers kept for Idempotency-Key"
        f" take about {used:,} of {allowed:,} bytes. {STORED.room}",
        quota=STORED.name,
        used=used,
        limit=allowed,
    )


def init_app(app: Flask) -> None:
    """Create the application's `Room`."""
    app.extensions["portal.room"] = Room()


def known() -> Room:
    """Return the `Room` of the running application."""
    return of(current_app)


def of(app: Flask) -> Room:
    """Return the `Room` of an application."""
    found: Room = app.extensions["portal.room"]
    return found
