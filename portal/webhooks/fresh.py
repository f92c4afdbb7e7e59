"""Tell workers of deliveries that were published a moment ago, so that nobody has to look for them.

A publisher notifies the workers of each webhook that it owes something: its tenant, its id, and the
first and the last of the new deliveries. A worker claims those by their names. Whatever else is due
(retries, webhooks that keep an order or a rate, what no worker had room for) it looks for, at least
once a second; a notice that is lost costs no more than that.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from portal.webhooks.policy import RAMP_SECONDS
from portal.webhooks.queue import (
    BEGIN,
    CLAIM,
    COMMIT,
    Connection,
    Due,
    Taken,
    ask,
    lease,
    require_standing,
    rolled_back,
)

MOST_NOTICES = 20
"""Of one publication. One that is owed to more webhooks says only that something is due."""

CHANNEL = "delivery_new"
"""Of its own, because workers of the release before take what is said on the other for the id of a
webhook to halt."""

LOOK = ""  # the notice that something is due

# As PICK, for the webhooks that have no other condition; what another worker picked is left to it.
# A webhook with conditions, paused ones among them, comes back without a delivery. In the order of
# the index of what waits: where publishers' clocks differ, the ids between two may be a million.
PICK = """
SELECT w.id AS webhook_id, plain.is_plain, due.*
FROM unnest(%(webhooks)s::text[], %(rooms)s::int[]) AS o(webhook_id, room)
JOIN webhook w ON w.tenant_id = %(tenant)s AND w.id = o.webhook_id
LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
CROSS JOIN LATERAL (SELECT w.is_active AND w.paused_at IS NULL AND NOT w.ordered
    AND w.rate_limit IS NULL
    AND (e.resumed_at IS NULL OR e.resumed_at <= now() - make_interval(secs => %(ramp)s))
    AND (e.not_before IS NULL OR e.not_before <= now())
    AND coalesce(a.status, '') NOT IN ('suspended', 'retired') AS is_plain) AS plain
LEFT JOIN LATERAL (
    SELECT d.id, d.event_id, d.event_type, d.token, d.attempts, d.sequence, d.origin, d.replay_id
    FROM delivery d
    WHERE d.tenant_id = %(tenant)s AND d.webhook_id = w.id AND plain.is_plain
    AND d.state IN ('pending', 'in_flight', 'retrying') AND d.state = 'pending'
    AND d.due_at <= now() AND d.id BETWEEN %(first)s AND %(last)s
    ORDER BY d.due_at, d.id LIMIT o.room FOR UPDATE OF d SKIP LOCKED
) AS due ON true
"""


class Range(NamedTuple):
    """The ids of the first and the last of some deliveries."""

    first: str
    last: str

    def with_(self, other: "Range") -> "Range":
        """Return the range that holds both."""
        return Range(min(self.first, other.first), max(self.last, other.last))


def notices(tenant_id: str, owed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notices of these new deliveries: one for each webhook, or one for all."""
    ranges: dict[str, Range] = {}
    for one in owed:
        new, known = Range(one["id"], one["id"]), ranges.get(one["webhook_id"])
        ranges[one["webhook_id"]] = known.with_(new) if known else new
    if len(ranges) > MOST_NOTICES:
        return [LOOK]
    return [f"{tenant_id} {webhook} {ids.first} {ids.last}" for webhook, ids in ranges.items()]


class Fresh(NamedTuple):
    """New deliveries of one webhook, as a notice tells of them."""

    tenant_id: str
    webhook_id: str
    ids: Range

    @property
    def due(self) -> Due:
        """Return the endpoint as one without conditions."""
        return Due(self.tenant_id, self.webhook_id, False, False, None, None)

    def with_(self, other: "Fresh") -> "Fresh":
        """Return what both notices tell of this webhook."""
        return self._replace(ids=self.ids.with_(other.ids))


def read(notice: str) -> Fresh | None:
    """Return what a notice tells of new deliveries; None if it tells only that something is due."""
    match notice.split(" "):
        case [tenant_id, webhook_id, first, last]:
            return Fresh(tenant_id, webhook_id, Range(first, last))
    return None


async def take(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[Fresh, int]], worker: int
) -> tuple[list[Taken], set[str]]:
    """Lease up to so many of these of one tenant to the worker of this number, in a transaction.
    Return them, and the webhooks with conditions: theirs have to be looked for.

    Raises TakenForGone.
    """
    values = {
        "tenant": tenant_id,
        "worker": worker,
        "webhooks": [one.webhook_id for one, _ in wanted],
        "rooms": [room for _, room in wanted],
        "first": min(one.ids.first for one, _ in wanted),
        "last": max(one.ids.last for one, _ in wanted),
        "ramp": RAMP_SECONDS,
    }
    async with rolled_back(connection):
        _, claim, rows = await connection.send(BEGIN, ask(CLAIM, values), ask(PICK, values))
        require_standing(claim)
        conditional = {row["webhook_id"] for row in rows if not row.pop("is_plain")}
        picked = [row for row in rows if row["id"] is not None]
        if picked:
            return await lease(connection, tenant_id, picked, worker, {}, COMMIT), conditional
        await connection.send(COMMIT)
        return [], conditional
