"""Notify workers of new deliveries by their ids, so that they need not search for them.

A publisher notifies the workers about each webhook with new deliveries: its tenant, its id, and the
first and the last of the deliveries. A worker claims these by their ids. All other due deliveries
(retries, ordered webhooks, rate limits, deliveries that no worker had room for) are found by a
search, at least once a second. So a lost notification costs at most a second.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from portal.delivery.queue.policy import RAMP_SECONDS
from portal.delivery.queue.queue import (
    CLAIM,
    PICKED,
    DueEndpoint,
    LeasedDelivery,
    ask,
    lease,
    require_standing,
)
from portal.fast.pipeline import BEGIN, COMMIT, Connection, rolled_back

MOST_NOTICES = 20
"""Limit for one publication: for more webhooks one notification only says that something is due."""

CHANNEL = "delivery_new"
"""Not `subscriptions.CHANNEL`: on that, workers of the previous release read every notification as
the id of a webhook to halt."""

LOOK = ""  # the notification that something is due

# `is_plain`: no condition that `due_endpoints` and the claim after it check holds the webhook back.
# A webhook that is not plain is returned without a delivery. The ORDER BY uses the index of waiting
# deliveries: if the clocks of publishers differ, a million ids may lie between `first` and `last`.
PICK = f"""
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
    SELECT {PICKED} FROM delivery d
    WHERE d.tenant_id = %(tenant)s AND d.webhook_id = w.id AND plain.is_plain
    AND d.state = 'pending' AND d.due_at <= now() AND d.id BETWEEN %(first)s AND %(last)s
    ORDER BY d.due_at, d.id LIMIT o.room FOR UPDATE OF d SKIP LOCKED
) AS due ON true
"""  # noqa: S608  names of columns, all of them in queue


class Fresh(NamedTuple):
    """New deliveries of one webhook, given by the ids of the first and the last of them."""

    tenant_id: str
    webhook_id: str
    first: str
    last: str

    @property
    def due(self) -> DueEndpoint:
        """Return the endpoint as a `DueEndpoint` without conditions."""
        return DueEndpoint(self.tenant_id, self.webhook_id, False, False, None, None)


def gather(found: dict[str, Fresh], new: Fresh) -> None:
    """Add new deliveries to those that are known, by webhook."""
    known = found.get(new.webhook_id, new)
    first, last = min(known.first, new.first), max(known.last, new.last)
    found[new.webhook_id] = new._replace(first=first, last=last)


def notices(tenant_id: str, owed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the notifications for these new deliveries: one for each webhook, or one for all."""
    found: dict[str, Fresh] = {}
    for one in owed:
        gather(found, Fresh(tenant_id, one["webhook_id"], one["id"], one["id"]))
    return [" ".join(new) for new in found.values()] if len(found) <= MOST_NOTICES else [LOOK]


def read(notice: str) -> Fresh | None:
    """Return the new deliveries that a notification names; None if it only says that something is
    due."""
    words = notice.split(" ")
    return Fresh(*words) if len(words) == len(Fresh._fields) else None


async def take(
    connection: Connection, tenant_id: str, wanted: Sequence[tuple[Fresh, int]], worker: int
) -> tuple[list[LeasedDelivery], set[str]]:
    """Lease up to so many of these deliveries of one tenant to this worker, in a transaction.
    Return them, and the webhooks with conditions: their deliveries must be found by a search.

    Raises TakenForGone.
    """
    values = {
        "tenant": tenant_id,
        "worker": worker,
        "webhooks": [one.webhook_id for one, _ in wanted],
        "rooms": [room for _, room in wanted],
        "first": min(one.first for one, _ in wanted),
        "last": max(one.last for one, _ in wanted),
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
