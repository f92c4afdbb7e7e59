"""Send the events of a period once more: count them, begin, watch, cancel.

A replay creates new deliveries, spread over time by the requested rate. So the queue does all the
work, and cancelling a replay means cancelling its deliveries that wait; one in flight is not sent
again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

import orjson
from sqlalchemy import CursorResult, func, select, text, update

from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, session
from portal.events.listeners import hold_events
from portal.events.type_names import matches
from portal.records.audit import trail as audit
from portal.records.quotas import stored_bytes
from portal.webhooks.models import CLOCKS_APART, UNSENT, WAITING, Delivery, Replay, Webhook
from portal.webhooks.subscriptions import CANCEL, WAKE

What = Literal["failed", "missing", "all"]
MOST = 50_000
SHOWN = 50

# An id has the time of the machine that made it, whose clock may be wrong: the bounds of the ids
# are wider, and only leave out the days before and after.
RECEIVED = """
FROM event e WHERE e.tenant_id = :tenant AND e.received_at >= :since AND e.received_at < :until
AND e.id >= ulid_floor('evt', CAST(:since AS timestamptz) - CAST(:apart AS interval))
AND e.id < ulid_floor('evt', CAST(:until AS timestamptz) + CAST(:apart AS interval))
"""
TYPES = f"SELECT DISTINCT e.type {RECEIVED}"
# The events of the period that the webhook subscribes to today. `filters` is a list of
# {"name": …, "vals": […]}: the event must have one of the values of each.
WANTED = f"""
{RECEIVED}
AND e.type = ANY (:types) AND (e.only_for IS NULL OR e.only_for = :webhook)
AND NOT EXISTS (
    SELECT FROM jsonb_to_recordset(CAST(:filters AS jsonb)) AS f(name text, vals jsonb)
    WHERE NOT coalesce(EXISTS (
        SELECT FROM jsonb_array_elements(f.vals) AS v(value) WHERE v.value = e.data -> f.name
    ), false))
"""  # noqa: S608  one constant of this module
DELIVERED_TO_IT = """
SELECT FROM delivery d WHERE d.tenant_id = e.tenant_id AND d.event_id = e.id
AND d.webhook_id = :webhook
"""
# What was given up before its first attempt was not sent. What was cancelled may have been, but it
# was not delivered, and nothing else sends it.
NARROWED: Mapping[What, str] = {
    "all": "",
    "missing": f"AND NOT EXISTS ({DELIVERED_TO_IT}"
    " AND NOT (d.state = 'cancelled' OR d.state = 'expired' AND d.attempts = 0))",
    "failed": f"AND EXISTS ({DELIVERED_TO_IT} AND d.state IN ('failed', 'expired'))"
    f" AND NOT EXISTS ({DELIVERED_TO_IT} AND d.state NOT IN ('failed', 'expired', 'cancelled'))",
}
BEGIN = """
INSERT INTO delivery
    (tenant_id, id, webhook_id, event_id, event_type, subject, due_at, origin, replay_id)
SELECT tenant_id,
    ulid_floor('dlv', now()) || upper(lpad(to_hex(n), 8, '0'))
        || upper(substr(replace(gen_random_uuid()::text, '-', ''), 1, 8)),
    :webhook, id, type, subject, now() + make_interval(secs => (n - 1) * CAST(:step AS float8)),
    'replay', :replay
FROM (SELECT e.*, row_number() OVER (ORDER BY e.received_at, e.id) AS n {events}) AS e
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a replay: state, as people see it → number of its deliveries."""

    replay: Replay
    counts: Mapping[str, int]

    @property
    def waiting(self) -> int:
        """Return how many deliveries still have to be sent."""
        return self.held + sum(self.counts.get(state, 0) for state in WAITING)

    @property
    def held(self) -> int:
        """Return how many wait for a webhook that sends nothing now."""
        return self.counts.get("held", 0)


def preview(actor: Actor, webhook_id: str, since: datetime, until: datetime, what: What) -> int:
    """Return how many events a replay would send."""
    actor.require("webhooks:write")
    webhook = _sendable(actor, webhook_id)
    count = text(f"SELECT count(*) {WANTED} {NARROWED[what]}")
    return session.scalar(count, _values(webhook, since, until)) or 0


def begin(
    actor: Actor,
    webhook_id: str,
    since: datetime,
    until: datetime,
    what: What,
    rate: int | None = None,
) -> Replay:
    """Send the events of [since, until) again, spread over time: `rate` a second. What a pause or
    an outage keeps back is then sent at the webhook's own pace.

    Raises Invalid if there are too many for one replay, Conflict if there are none, QuotaReached
    when the tenant's stored bytes are at the limit, RateLimited while events are erased.
    """
    stored_bytes.known().check(actor.tenant_id)
    _take_turn(actor, webhook_id)
    _check_total(preview(actor, webhook_id, since, until, what))
    webhook = _sendable(actor, webhook_id)
    hold_events(actor.tenant_id)
    replay = Replay(
        tenant_id=actor.tenant_id,
        id=new_id(Replay.id_prefix),
        webhook_id=webhook.id,
        since=since,
        until=until,
        what=what,
        rate=rate,
        total=0,
        created_by=actor.id,
    )
    session.add(replay)
    session.flush()
    replay.total = _queue(replay, webhook, what)
    session.flush()
    _check_total(replay.total)  # events may have come or gone since they were counted
    audit.record(actor, "webhook.replayed", webhook, {"replay": (None, replay.id)})
    session.refresh(replay)
    return replay


def _take_turn(actor: Actor, webhook_id: str) -> None:
    """Wait until no other replay of the webhook begins: this one must find what that one sends."""
    # Not the webhook's row: its deliveries that end meanwhile would wait for that.
    turn = f"replays {actor.tenant_id} {webhook_id}"
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(turn, 0))))


def _check_total(total: int) -> None:
    if total > MOST:
        raise Invalid.field("to", f"These are {total} events; one replay sends {MOST} at most.")
    if not total:
        raise Conflict("There is nothing to send again in this window.")


def _queue(replay: Replay, webhook: Webhook, what: What) -> int:
    """Add the deliveries of a replay, as far apart as its rate says, and return their number."""
    values = _values(webhook, replay.since, replay.until) | {
        "replay": replay.id,
        "step": 1 / replay.rate if replay.rate else 0.0,
    }
    events = f"{WANTED} {NARROWED[what]}"
    added = session.execute(text(BEGIN.format(events=events)), values)
    session.execute(WAKE)
    return cast(CursorResult[Any], added).rowcount


def progress(actor: Actor, replay_id: str) -> Progress:
    """Return one replay and its progress. Raises NotFound."""
    actor.require("webhooks:read")
    return standing(actor, _find(actor, replay_id))


def _find(actor: Actor, replay_id: str) -> Replay:
    replay = session.scalar(Replay.seen_by(actor).where(Replay.id == replay_id))
    if replay is None:
        raise NotFound(f"There is no replay {shown(replay_id)} in this tenant.")
    find(Webhook, actor, replay.webhook_id, include_deleted=True)
    return replay


def standing(actor: Actor, replay: Replay) -> Progress:
    """Return the progress of a replay that the actor has found."""
    sends = select(Webhook.receives).filter_by(tenant_id=actor.tenant_id, id=replay.webhook_id)
    counted = (
        Delivery.seen_by(actor)
        .where(Delivery.replay_id == replay.id)
        .with_only_columns(Delivery.state, func.count(), sends.scalar_subquery())
        .group_by(Delivery.state)
    )
    counts = Counter[str]()
    for state, many, receives in session.execute(counted):
        counts["held" if state in UNSENT and receives is False else state] += many
    return Progress(replay, counts)


def of_webhook(actor: Actor, webhook: Webhook) -> Sequence[Replay]:
    """Return the last replays of a webhook, the newest first."""
    actor.require("webhooks:read")
    query = Replay.seen_by(actor).where(Replay.webhook_id == webhook.id)
    return session.scalars(query.order_by(Replay.id.desc()).limit(SHOWN)).all()


def cancel(actor: Actor, replay_id: str) -> Progress:
    """Cancel a replay: nothing more of it is sent, requests in flight still arrive. Safe to call
    twice."""
    actor.require("webhooks:write")
    replay = _find(actor, replay_id)
    of_replay = (Delivery.tenant_id == actor.tenant_id, Delivery.replay_id == replay_id)
    # In the order in which a worker that records several attempts locks them.
    on_their_way = select(Delivery.id).where(*of_replay, Delivery.state == "in_flight")
    session.execute(on_their_way.order_by(Delivery.id).with_for_update())
    session.execute(
        update(Delivery)
        .where(*of_replay, Delivery.state.in_(WAITING))
        .values(CANCEL)
        .execution_options(synchronize_session=False)
    )
    replay.cancelled_at = replay.cancelled_at or database_now()
    session.flush()
    webhook = find(Webhook, actor, replay.webhook_id, include_deleted=True)
    audit.record(actor, "webhook.replay_cancelled", webhook, {"replay": (replay_id, None)})
    return standing(actor, replay)


def _sendable(actor: Actor, webhook_id: str) -> Webhook:
    webhook = find(Webhook, actor, webhook_id)
    if webhook.direction != "outbound" or webhook.url is None:
        raise Conflict("This webhook has nowhere to send to.")
    return webhook


def _values(webhook: Webhook, since: datetime, until: datetime) -> dict[str, Any]:
    period = {
        "tenant": webhook.tenant_id,
        "since": since,
        "until": until,
        "apart": CLOCKS_APART,
    }
    types = [
        name
        for name in session.scalars(text(TYPES), period)
        if any(matches(pattern, name) for pattern in webhook.event_types)
    ]
    filters = [{"name": name, "vals": values} for name, values in webhook.filter.items()]
    return period | {
        "webhook": webhook.id,
        "types": types,
        "filters": orjson.dumps(filters).decode(),
    }
