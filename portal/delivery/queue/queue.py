"""The queue in PostgreSQL: claim due deliveries, and record their outcomes.

Each statement runs as the tenant whose rows it uses. Only the search for endpoints crosses tenants
(`next_due_endpoints` and `silent_endpoints`, functions of the owner, see the migrations). One
transaction serves several tenants by entering one after the other.
"""

import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from portal.delivery.queue import hours, policy
from portal.fast import pipeline
from portal.fast.pipeline import Ask, Connection
from portal.webhooks.subscriptions import PLACE

Rows = list[dict[str, Any]]

CONNECTION = "portal-delivery"
LEASE_SECONDS = 90
"""Longer than any attempt can take: 30 s until the response begins, 5 s for its body, and DNS. The
deliveries of a dead worker are released sooner (portal.delivery.queue.worker_presence)."""

# A worker is counted as long as one of its sessions holds this shared lock.
ATTEND = "SELECT pg_advisory_lock_shared(hashtext('delivery'), hashtext('workers'))"
WORKERS = """
SELECT DISTINCT pid FROM pg_locks
WHERE locktype = 'advisory' AND granted AND objsubid = 2
AND classid::bigint = hashtext('delivery')::bigint & 4294967295
AND objid::bigint = hashtext('workers')::bigint & 4294967295
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
HALTED = "delivery_halted"
ANSWER = f"SELECT pg_notify('{HALTED}', %s)"
ENTER = "SELECT set_config('app.tenant_id', %(tenant)s, true)"
# The row lock prevents others from releasing this worker's deliveries while it claims more. A
# worker that was declared dead claims nothing.
CLAIM = """
SELECT set_config('app.tenant_id', %(tenant)s, true), ARRAY(
    SELECT number FROM delivery_worker
    WHERE number = %(worker)s AND alive_until > now() AND buried_at IS NULL FOR KEY SHARE
) AS standing
"""
SILENT = "SELECT * FROM silent_endpoints(%(at_most)s)"
AT_ONCE = 50
FEW_IN_HAND = 10
MOST_IN_HAND = 1000
"""Deliveries in flight for an ordered webhook: one, or as many as all lanes of a webhook hold if it
was set in order just now."""

DUE = "SELECT * FROM next_due_endpoints(%s, %s, %s, %s, %s, %s)"
# A webhook that another worker is claiming from is skipped: if that worker hangs, nobody waits.
ALONE = """
SELECT id FROM unnest(%s::text[]) AS o(id) WHERE pg_try_advisory_xact_lock(hashtextextended(id, 0))
"""
# An endpoint that somebody has locked, perhaps to resume it, is left out: that may take seconds.
PROBE = """
UPDATE endpoint p SET next_probe_at = now() + make_interval(secs => %s)
WHERE p.tenant_id = %s AND p.webhook_id = ANY (ARRAY(
    SELECT e.webhook_id FROM endpoint e WHERE e.tenant_id = %s AND e.webhook_id = ANY (%s)
    AND e.next_probe_at <= now() FOR UPDATE SKIP LOCKED))
RETURNING p.webhook_id
"""
# Expired leases in ordered webhooks, left by a worker without a number, or by one that has not been
# buried yet: a worker that starts buries nobody at first. Those deliveries are among the last in
# the sequence. `is_behind` tells that one is not back in its place.
LAPSED = """
SELECT last.webhook_id, last.id, last.due_at > last.created_at AS is_behind
FROM unnest(%(webhooks)s::text[]) AS w(id) CROSS JOIN LATERAL (
    SELECT l.webhook_id, l.id, l.state, l.due_at, l.created_at FROM delivery l
    WHERE l.tenant_id = %(tenant)s AND l.webhook_id = w.id AND l.sequence IS NOT NULL
    ORDER BY l.sequence DESC LIMIT %(most)s
) AS last
WHERE last.state = 'in_flight' AND last.due_at <= now()
"""
# Sorted by the end of its lease, it would come after all that wait. A delivery that is just being
# recorded is skipped.
BACK_IN_PLACE = f"""
UPDATE delivery d SET due_at = {PLACE}
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (ARRAY(
    SELECT l.id FROM delivery l WHERE l.tenant_id = %(tenant)s AND l.id = ANY (%(ids)s)
    AND l.state = 'in_flight' AND l.due_at <= now() FOR UPDATE SKIP LOCKED))
RETURNING d.id
"""  # noqa: S608  a constant of webhooks
# A retry has no place if its attempt began before the webhook was set in order.
RETRIES_IN_PLACE = f"""
UPDATE delivery d SET due_at = {PLACE}
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (ARRAY(
    SELECT l.id FROM delivery l
    WHERE l.tenant_id = %(tenant)s AND l.webhook_id = ANY (%(webhooks)s)
    AND l.state = 'retrying' AND l.due_at > now() FOR UPDATE SKIP LOCKED))
"""  # noqa: S608  a constant of webhooks
PICK = """
SELECT due.id
FROM unnest(%(webhooks)s::text[], %(rooms)s::int[], %(probes)s::bool[], %(ordered)s::bool[])
    AS w(webhook_id, room, is_probe, is_ordered)
CROSS JOIN LATERAL (
    SELECT d.id FROM delivery d
    WHERE d.tenant_id = %(tenant)s AND d.webhook_id = w.webhook_id
    AND d.state IN ('pending', 'in_flight', 'retrying')
    AND d.due_at <= CASE WHEN w.is_probe THEN 'infinity'::timestamptz ELSE now() END
    AND (d.state <> 'in_flight' OR d.due_at <= now())
    AND NOT (w.is_ordered AND EXISTS (
        SELECT FROM delivery o
        WHERE o.tenant_id = %(tenant)s AND o.webhook_id = w.webhook_id
        AND o.state = 'in_flight' AND o.due_at > now()))
    ORDER BY d.due_at, d.id LIMIT w.room FOR UPDATE OF d SKIP LOCKED
) due
"""
# All workers share the rate limit: each delivery moves `paid_until` forward by its share of a
# second. The time from `paid_until` to now, at most one second, is what may be used now. If it is
# more than a second ahead, the database's clock went back since then: one delivery may be sent.
ALLOWED = """
SELECT r.webhook_id, floor(1e-6 + r.rate * extract(epoch FROM now() - greatest(
    CASE WHEN e.paid_until > now() + interval '1 second'
        THEN now() - make_interval(secs => 1 / r.rate) ELSE e.paid_until END,
    now() - interval '1 second')))::int AS allowed
FROM unnest(%s::text[], %s::float8[]) AS r(webhook_id, rate)
LEFT JOIN endpoint e ON e.tenant_id = %s AND e.webhook_id = r.webhook_id
"""
LEASE = """
SELECT * FROM lease_deliveries(%(worker)s::int, %(ids)s::text[], %(lease)s::float8,
    %(limited)s::text[], %(seconds_each)s::float8[])
"""
SETTINGS = """
SELECT w.id, w.url, w.headers, w.retry_policy, w.signature_scheme, w.secret_fingerprint,
    w.paused_at, w.ordered, coalesce(e.throttles, 0) AS throttles,
    now() AS taken_at
FROM webhook w LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
WHERE w.tenant_id = %(tenant)s AND w.id = ANY (%(webhooks)s)
"""
RECORD = """
SELECT * FROM record_attempts(%(tenant)s::text, %(done)s::jsonb, %(attempts)s::jsonb, %(slot)s::int)
"""
GIVE_BACK = f"""
UPDATE delivery d SET state = CASE WHEN d.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN d.attempts > 1 THEN 'retrying' ELSE 'pending' END,
    completed_at = d.cancelled_at,
    due_at = CASE WHEN d.id = ANY (%(ordered)s) THEN {PLACE} ELSE now() END,
    attempts = d.attempts - 1, holder = NULL
WHERE d.tenant_id = %(tenant)s AND d.id = ANY (%(ids)s) AND d.state = 'in_flight'
AND d.token = (%(tokens)s::jsonb ->> d.id)::bigint
"""  # noqa: S608  a constant of webhooks


Place = tuple[str, str]
"""A tenant and the id of its webhook, where a search begins or ends."""


@dataclass(frozen=True, slots=True)
class DueEndpoint:
    """An endpoint with due deliveries. `rate` is its limit a second, `ramp_seconds` the time since
    its pause ended."""

    tenant_id: str
    webhook_id: str
    is_probe: bool
    is_ordered: bool
    rate: int | None
    ramp_seconds: float | None

    @property
    def pace(self) -> float | None:
        """Return how many deliveries a second all workers together may send; None if there is no
        limit."""
        rates = (self.rate, policy.ramp(self.ramp_seconds))
        return min((float(one) for one in rates if one and not self.is_probe), default=None)


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """The settings of a webhook that sending needs, as they were when the delivery was claimed.

    `taken_at` is the time of the claim, by the database's clock: the worker's own may be wrong.
    """

    id: str
    url: str | None
    headers: Mapping[str, str]
    retry_policy: Mapping[str, Any]
    signature_scheme: str
    secret_fingerprint: str | None
    paused_at: datetime | None
    ordered: bool
    throttles: int
    taken_at: datetime


class LeasedDelivery(NamedTuple):
    """A delivery leased to this worker; `data` is the event's data as JSON, None if it was erased.

    `worker` is the number that this worker had at the claim. `leased_at` is in seconds, by this
    process's monotonic clock.
    """

    tenant_id: str
    id: str
    webhook_id: str
    event_id: str
    event_type: str
    token: int
    attempts: int
    sequence: int
    origin: str
    replay_id: str | None
    data: str | None
    occurred_at: datetime | None
    settings: DeliverySettings
    worker: int
    leased_at: float


@dataclass(frozen=True, slots=True)
class Health:
    """The state of an endpoint after its attempts were recorded. `failing_for` is in seconds."""

    tenant_id: str
    webhook_id: str
    failures: int
    is_paused: bool
    is_warned: bool
    failing_for: float


_numbered = cache(pipeline.numbered)


def ask(sql: str, values: Mapping[str, Any] | None = None) -> Ask:
    """Return a statement with named values, in the form in which it is sent."""
    numbered, names = _numbered(sql)
    return Ask(numbered, [(values or {})[name] for name in names])


async def connect(url: str, mark: str = "") -> Connection:
    """Open a connection for the queue. `url` is a libpq URL; `mark` shows other processes which
    secret key this one uses (portal.ops.secrets.key_rotation)."""
    return await pipeline.connect(url, f"{CONNECTION} {mark}")


async def attend(connection: Connection) -> None:
    """Take the lock by which the other workers count this one, for as long as the connection
    lives."""
    await connection.execute(ATTEND)


async def halted(connection: Connection, webhook_id: str) -> None:
    """Confirm that this worker begins no more attempts for a webhook, to a caller that waits for
    that."""
    await connection.execute(ANSWER, (webhook_id,))


async def due(
    connection: Connection,
    after: Place,
    busy: Sequence[str],
    not_of: Sequence[str],
    at_most: int,
    at_most_walked: int,
) -> tuple[list[DueEndpoint], Place | None]:
    """Return endpoints with due deliveries, in the order of their ids, beginning after `after`, and
    the place where the search ended; None if that was behind the last endpoint. It ends at the
    first endpoint of a tenant of `not_of`, and after `at_most_walked` endpoints, due or not."""
    values = (*after, list(busy), list(not_of), at_most, at_most_walked)
    rows = await (await connection.execute(DUE, values)).fetchall()
    ends = [(row.pop("is_due"), row.pop("is_last")) for row in rows]
    found = [DueEndpoint(**row) for row in rows]
    is_end = not (len(rows) == at_most or (ends and ends[-1][1]))
    place = None if is_end else (found[-1].tenant_id, found[-1].webhook_id)
    return [one for one, (is_due, _) in zip(found, ends, strict=True) if is_due], place


def counted_workers() -> Ask:
    """Return the statement that has a row for each worker of this moment."""
    return ask(WORKERS)


def silent_endpoints() -> Ask:
    """Return the statement that finds paused endpoints that should be probed now but have no
    delivery to probe with: rows of `tenant_id` and `webhook_id`."""
    return ask(SILENT, {"at_most": AT_ONCE})


class TakenForGone(Exception):
    """The other workers have declared this worker dead and released its deliveries: it needs a new
    number."""


async def take(
    connection: Connection, wanted: Sequence[tuple[DueEndpoint, int]], worker: int
) -> list[LeasedDelivery]:
    """Lease deliveries of each endpoint to this worker, at most the given number, in one
    transaction: if it fails none is lost, and none is leased twice. Raises TakenForGone."""
    found: list[LeasedDelivery] = []
    by_tenant = sorted(wanted, key=lambda one: (one[0].tenant_id, one[0].webhook_id))
    async with connection.transaction():
        for tenant_id, group in groupby(by_tenant, lambda one: one[0].tenant_id):
            found += await _take(connection, tenant_id, list(group), worker)
    return found


async def _take(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[DueEndpoint, int]], worker: int
) -> list[LeasedDelivery]:
    [[claim]] = await connection.send(ask(CLAIM, {"tenant": tenant_id, "worker": worker}))
    if not claim["standing"]:
        raise TakenForGone
    wanted = await _with_probes(connection, tenant_id, wanted)
    if alone := {one.webhook_id for one, _ in wanted if one.is_ordered or one.pace}:
        free = await (await connection.execute(ALONE, (sorted(alone),))).fetchall()
        taken = alone - {row["id"] for row in free}
        wanted = [(one, room) for one, room in wanted if one.webhook_id not in taken]
    wanted = await _in_place(connection, tenant_id, wanted)
    wanted = await _within_pace(connection, tenant_id, wanted)
    values = {
        "tenant": tenant_id,
        "webhooks": [one.webhook_id for one, _ in wanted],
        "rooms": [room for _, room in wanted],
        "probes": [one.is_probe for one, _ in wanted],
        "ordered": [one.is_ordered for one, _ in wanted],
    }
    picked = await (await connection.execute(PICK, values)).fetchall()
    if not picked:
        return []
    paces = {one.webhook_id: one.pace for one, _ in wanted if one.pace}
    lease = {
        "worker": worker,
        "ids": [row["id"] for row in picked],
        "lease": LEASE_SECONDS,
        "limited": list(paces),
        "seconds_each": [1 / pace for pace in paces.values()],
    }
    leased_at = time.monotonic()
    reading = settings_of(tenant_id, [one.webhook_id for one, _ in wanted])
    rows, settings = await connection.send(ask(LEASE, lease), reading)
    return leased(tenant_id, worker, leased_at, rows, settings)


async def _in_place(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[DueEndpoint, int]]
) -> Sequence[tuple[DueEndpoint, int]]:
    """Put begun deliveries back in their place, for ordered webhooks. Leave out a webhook if one of
    a dead worker is just being recorded: the next one must not overtake it."""
    ordered = [one.webhook_id for one, _ in wanted if one.is_ordered]
    if not ordered:
        return wanted
    retries = ask(RETRIES_IN_PLACE, {"tenant": tenant_id, "webhooks": ordered})
    _, rows = await connection.send(retries, _lapsed(tenant_id, ordered, FEW_IN_HAND))
    if not rows:
        return wanted
    if behind := {row["webhook_id"] for row in rows if row["is_behind"]}:
        [more] = await connection.send(_lapsed(tenant_id, sorted(behind), MOST_IN_HAND))
        rows += more
    lapsed = {row["id"]: row["webhook_id"] for row in rows}
    placed = await connection.execute(BACK_IN_PLACE, {"tenant": tenant_id, "ids": list(lapsed)})
    for row in await placed.fetchall():
        del lapsed[row["id"]]
    left = set(lapsed.values())
    return [pair for pair in wanted if pair[0].webhook_id not in left]


def _lapsed(tenant_id: str, webhooks: Sequence[str], most: int) -> Ask:
    """Return the statement that finds the expired leases among the last `most` deliveries of each
    webhook."""
    return ask(LAPSED, {"tenant": tenant_id, "webhooks": webhooks, "most": most})


async def _within_pace(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[DueEndpoint, int]]
) -> list[tuple[DueEndpoint, int]]:
    """Return the endpoints with no more room than their rate limits allow at this moment."""
    paces = {one.webhook_id: one.pace for one, _ in wanted if one.pace}
    if not paces:
        return list(wanted)
    rows = await connection.execute(ALLOWED, (list(paces), list(paces.values()), tenant_id))
    allowed = {row["webhook_id"]: max(row["allowed"], 0) for row in await rows.fetchall()}
    return [(one, min(room, allowed.get(one.webhook_id, room))) for one, room in wanted]


def settings_of(tenant_id: str, webhook_ids: Iterable[str]) -> Ask:
    """Return the statement that reads the settings of webhooks for `leased`."""
    return ask(SETTINGS, {"tenant": tenant_id, "webhooks": sorted(set(webhook_ids))})


def leased(
    tenant_id: str, worker: int, leased_at: float, rows: Rows, settings: Rows
) -> list[LeasedDelivery]:
    """Return the deliveries that a statement has leased to this worker, in the order of their
    sequences. `leased_at` is the time before the statement was sent."""
    of_events = {
        row["event_id"]: {"data": row["data"], "occurred_at": row["occurred_at"]}
        for row in sorted(rows, key=_has_data)
    }
    known = {row["id"]: DeliverySettings(**row) for row in settings}
    return [
        LeasedDelivery(
            tenant_id=tenant_id,
            **{**row, **of_events[row["event_id"]]},
            settings=known[row["webhook_id"]],
            worker=worker,
            leased_at=leased_at,
        )
        for row in rows
    ]


def _has_data(row: Mapping[str, Any]) -> bool:
    return row["data"] is not None


async def _with_probes(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[DueEndpoint, int]]
) -> list[tuple[DueEndpoint, int]]:
    """Return the endpoints without the paused ones that another worker is already probing."""
    probes = [one.webhook_id for one, _ in wanted if one.is_probe]
    if not probes:
        return list(wanted)
    values = (LEASE_SECONDS, tenant_id, tenant_id, probes)
    rows = await connection.execute(PROBE, values)
    ours = {row["webhook_id"] for row in await rows.fetchall()}
    return [pair for pair in wanted if not pair[0].is_probe or pair[0].webhook_id in ours]


class AttemptRecord(NamedTuple):
    """The values to record for one attempt, as `record_attempts` reads them."""

    tenant_id: str
    done: Mapping[str, Any]
    attempt: Mapping[str, Any] | None

    @property
    def webhook_id(self) -> str:
        """Return the id of the endpoint that the attempt was made to."""
        return str(self.done["webhook_id"])


async def complete(connection: Connection, done: Iterable[AttemptRecord]) -> list[Health]:
    """Record attempts in one transaction; change a delivery only while its token is still ours.

    A delivery that was recorded before, or that another worker has by now, is not counted for its
    endpoint either: a worker that lost the answer to its commit records the same again.
    """
    # The tenants in order, so that two workers do not wait for each other.
    by_tenant = sorted(done, key=lambda one: one.tenant_id)
    batches = {
        tenant_id: list(group) for tenant_id, group in groupby(by_tenant, lambda one: one.tenant_id)
    }
    asks = (_recorded(tenant_id, batch) for tenant_id, batch in batches.items())
    answers = await connection.send(*asks)
    return [
        Health(tenant_id, **row)
        for tenant_id, rows in zip(batches, answers, strict=True)
        for row in rows
    ]


def _recorded(tenant_id: str, batch: Sequence[AttemptRecord]) -> Ask:
    """Return the statement that records the attempts of one tenant."""
    values = {
        "tenant": tenant_id,
        "done": _json([one.done for one in batch]),
        "attempts": _json([one.attempt for one in batch if one.attempt]),
        "slot": secrets.randbelow(hours.SLOTS),
    }
    return ask(RECORD, values)


async def give_back(connection: Connection, taken: Iterable[LeasedDelivery]) -> None:
    """Release leased deliveries that were not begun, as if they had not been claimed. Deliveries of
    an ordered webhook return to their place."""
    by_tenant = sorted(taken, key=lambda one: one.tenant_id)
    async with connection.transaction():
        for tenant_id, group in groupby(by_tenant, lambda one: one.tenant_id):
            batch = list(group)
            await connection.execute(ENTER, {"tenant": tenant_id})
            tokens = {one.id: one.token for one in batch}
            ordered = [one.id for one in batch if one.settings.ordered]
            values = {"tenant": tenant_id, "ids": list(tokens), "tokens": _json(tokens)}
            await connection.execute(GIVE_BACK, {**values, "ordered": ordered})


def _json(value: Any) -> str:
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value)
