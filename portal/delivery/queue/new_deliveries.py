"""Notify workers of new deliveries by their ids, so that they need not search for them.

A publisher notifies the workers about each webhook with new deliveries: its tenant, its id, and the
first and the last of the deliveries. A worker claims these by their ids. All other due deliveries
(retries, ordered webhooks, rate limits, deliveries that no worker had room for) are found by a
search, at least once a second. So a lost notification costs at most a second.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import psycopg

from portal.delivery.queue.policy import RAMP_SECONDS
from portal.delivery.queue.queue import (
    LEASE_SECONDS,
    DueEndpoint,
    LeasedDelivery,
    TakenForGone,
    ask,
    leased,
    settings_of,
)
from portal.fast.pipeline import Connection

MOST_NOTICES = 20
"""Limit for one publication: for more webhooks one notification only says that something is due."""

CHANNEL = "delivery_new"
"""Not `subscriptions.CHANNEL`: on that, workers of the previous release read every notification as
the id of a webhook to halt."""

LOOK = ""  # the notification that something is due

LEASE = """
SELECT * FROM lease_new_deliveries(%(tenant)s::text, %(worker)s::int, %(webhooks)s::text[],
    %(rooms)s::int[], %(first)s::text, %(last)s::text, %(ramp)s::float8, %(lease)s::float8)
"""
GONE = "GONE1"
"""The code with which PostgreSQL refuses a worker that was declared dead."""


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
    """Lease deliveries of one tenant to this worker, at most the given number of each webhook.
    Return them, and the webhooks with conditions: their deliveries must be found by a search.

    Raises TakenForGone.
    """
    webhooks = [one.webhook_id for one, _ in wanted]
    values = {
        "tenant": tenant_id,
        "worker": worker,
        "webhooks": webhooks,
        "rooms": [room for _, room in wanted],
        "first": min(one.first for one, _ in wanted),
        "last": max(one.last for one, _ in wanted),
        "ramp": RAMP_SECONDS,
        "lease": LEASE_SECONDS,
    }
    leased_at = time.monotonic()
    try:
        rows, settings = await connection.send(ask(LEASE, values), settings_of(tenant_id, webhooks))
    except psycopg.Error as error:
        if error.sqlstate == GONE:
            raise TakenForGone from error
        raise
    conditional = {row["webhook_id"] for row in rows if row["id"] is None}
    new = [row for row in rows if row["id"] is not None]
    return leased(tenant_id, worker, leased_at, new, settings), conditional
