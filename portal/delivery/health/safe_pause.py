"""Safe pause: stop sending to a receiver that fails for long, and hold its events.

The deliveries of a paused webhook wait unchanged, so pausing and resuming cost the same for ten
held deliveries as for a million. The engine sends one of them from time to time (a probe), or a
ping if none is held, and resumes the webhook after three successful probes. People can pause and
resume by hand, and choose what happens to the backlog. What was paused by hand is not probed.

Locks, always in this order: the webhook, its endpoint, deliveries. While a resume changes its
deliveries, the locked endpoint keeps probes away. A claim and a record lock deliveries first, so
nobody who has an endpoint waits for a delivery that is in flight or being claimed.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from flask import Flask
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import Conflict
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, session, transaction
from portal.delivery.log import resend
from portal.delivery.queue import policy
from portal.delivery.queue.queue import Health
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.records import verbs
from portal.records.audit import trail as audit
from portal.webhooks.models import WAITING, WAITING_SQL, Delivery, Endpoint, PauseReason, Webhook
from portal.webhooks.subscriptions import CANCEL, IN_PLACE, WAKE, halt

Choice = Literal["all", "newest_per_subject", "skip_before"]
COUNTED = 100_000
"""Held deliveries are counted up to here: counting costs time. Pages then say “and more”."""

REPORT_AGAIN_AFTER = timedelta(days=1)
USUAL_RATE = 20.0  # deliveries a second, to tell how long a replay takes

# The newest event, and not the newest delivery: an old event may have been sent again meanwhile. A
# first delivery was created at the moment at which its event was received.
NEWEST_ONLY = text(f"""
UPDATE delivery d SET cancelled_at = now(),
    state = CASE WHEN d.state = 'in_flight' THEN d.state ELSE 'cancelled' END,
    completed_at = CASE WHEN d.state = 'in_flight' THEN NULL ELSE now() END
FROM (
    SELECT w.id, row_number() OVER (
        PARTITION BY w.subject ORDER BY CASE WHEN w.origin = 'event' THEN w.created_at ELSE (
            SELECT e.received_at FROM event e WHERE e.tenant_id = w.tenant_id AND e.id = w.event_id
        ) END DESC NULLS LAST, w.event_id DESC, w.id DESC) AS place
    FROM delivery w
    WHERE w.tenant_id = :tenant AND w.webhook_id = :webhook AND w.subject IS NOT NULL
    AND {WAITING_SQL}
) held
WHERE d.tenant_id = :tenant AND d.webhook_id = :webhook
AND (d.state IN ('pending', 'retrying') OR d.id = ANY (:in_flight))
AND d.id = held.id AND held.place > 1
""")  # noqa: S608  one constant of the models
# While the tables have no statistics, PostgreSQL takes the held deliveries for a few and compares
# each with each.
IN_LOOPS = text("SELECT set_config('enable_nestloop', :how, true)")


@dataclass(frozen=True, slots=True)
class Backlog:
    """The held deliveries of a webhook; `seconds` is how long sending all of them takes."""

    held: int
    is_more: bool
    oldest: datetime | None
    seconds: float


def engine_actor(tenant_id: str) -> Actor:
    """Return the actor for the engine, under whose name the audit log shows its actions."""
    rights = frozenset({"webhooks:read", "webhooks:write"})
    return Actor(tenant_id, "system", "system", "Delivery engine", rights, source_type="system")


def run(app: Flask, verb: Callable[..., Any], tenant_id: str, *arguments: Any) -> None:
    """Run one function of this module as the engine, in a transaction of its own."""
    with app.app_context(), transaction(tenant_id):
        verb(engine_actor(tenant_id), *arguments)


def concerns(health: Health) -> bool:
    """Tell whether the recorded state of an endpoint may lead to a warning or a pause."""
    if health.is_paused:
        return False
    failing_for = timedelta(seconds=health.failing_for)
    warn = not health.is_warned and policy.should_warn(health.failures, failing_for)
    return warn or policy.should_pause(health.failures, failing_for)


def judge(actor: Actor, webhook_id: str) -> None:
    """Warn about or pause a webhook that fails for long. Safe to call at any time, also twice."""
    webhook = find(Webhook, actor, webhook_id, lock=True, include_deleted=True)
    endpoint = _endpoint(webhook)
    if webhook.paused_at is not None or webhook.is_deleted or endpoint.failing_since is None:
        return
    failing_for = database_now() - endpoint.failing_since
    if policy.should_pause(webhook.consecutive_failures, failing_for):
        _pause(actor, webhook, endpoint, "failing")
    elif endpoint.warned_at is None:
        endpoint.warned_at = database_now()
        _say(actor, webhook, "pausing", consecutive_failures=webhook.consecutive_failures)


def probed(
    actor: Actor,
    webhook_id: str,
    paused_at: datetime | None,
    good: bool,
    pause: PauseReason | None,
) -> None:
    """Record the result of a probe of a paused webhook, or pause a webhook whose receiver reports
    that it is gone. `paused_at` is the webhook's at the claim: an attempt from before this pause is
    no probe of it, and what was paused by hand since then stays as it is."""
    webhook = find(Webhook, actor, webhook_id, lock=True, include_deleted=True)
    endpoint = _endpoint(webhook)
    if webhook.paused_at is None:
        if pause is not None:
            _pause(actor, webhook, endpoint, pause)
        return
    if webhook.paused_at != paused_at or webhook.pause_reason == "by_hand":
        return
    endpoint.good_probes = endpoint.good_probes + 1 if good else 0
    if endpoint.good_probes >= policy.GOOD_PROBES:
        _resume(actor, webhook, endpoint, action="recovered")
        return
    endpoint.probes = 0 if good else endpoint.probes + 1
    wait = policy.AFTER_GOOD_PROBE if good else policy.next_probe(endpoint.probes)
    endpoint.next_probe_at = database_now() + wait


def ping(actor: Actor, webhook_id: str) -> None:
    """Create a ping event for a paused webhook that has no held deliveries, as a probe. Safe to
    call at any time, also twice."""
    webhook = find(Webhook, actor, webhook_id, lock=True, include_deleted=True)
    due = _endpoint(webhook).next_probe_at
    if webhook.paused_at is None or webhook.pause_reason == "by_hand":
        return
    if due is None or due > database_now() or _held(webhook).held:
        return
    name, data = "webhook.ping", {"id": webhook.id, "name": webhook.name}
    event = EventInput.read({"type": name, "data": data, "subject": webhook.id})
    resend.owe(webhook, events.keep_for(actor, webhook.id, event), name, webhook.id, "probe")


def pause(actor: Actor, webhook_id: str) -> Webhook:
    """Pause by hand: events are held until somebody resumes. Raises Conflict if it is already
    paused."""
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id, lock=True)
    if webhook.paused_at is not None:
        raise Conflict("This webhook is paused already.")
    return _pause(actor, webhook, _endpoint(webhook), "by_hand")


def resume(
    actor: Actor, webhook_id: str, choice: Choice = "all", before: datetime | None = None
) -> Webhook:
    """Resume a paused webhook, and send or cancel the held events.

    `all` sends everything, `newest_per_subject` the newest of each subject and all without a
    subject, `skip_before` what was published, or sent again, from `before` on. The other events are
    cancelled; what of them is in flight is not sent again.
    """
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id, lock=True)
    if webhook.paused_at is None:
        raise Conflict("This webhook is not paused.")
    endpoint = _endpoint(webhook)
    if choice == "newest_per_subject":
        _keep_newest(webhook)
    elif choice == "skip_before":
        _skip(webhook, before or database_now())
    return _resume(actor, webhook, endpoint, action="resumed")


def backlog(actor: Actor, webhook: Webhook) -> Backlog:
    """Return the held deliveries of a webhook, to decide what happens to them."""
    actor.require("webhooks:read")
    return _held(webhook)


def _held(webhook: Webhook) -> Backlog:
    waiting = _waiting(webhook)
    ids = select(Delivery.id).where(*waiting).limit(COUNTED).subquery()
    count = session.scalar(select(func.count()).select_from(ids)) or 0
    oldest = (
        session.scalar(select(func.min(Delivery.created_at)).where(*waiting)) if count else None
    )
    rate = min(float(webhook.rate_limit or USUAL_RATE), USUAL_RATE)
    return Backlog(count, count >= COUNTED, oldest, count / rate)


def _waiting(webhook: Webhook) -> tuple[Any, ...]:
    return (
        Delivery.tenant_id == webhook.tenant_id,
        Delivery.webhook_id == webhook.id,
        Delivery.state.in_(WAITING),
    )


def _keep_newest(webhook: Webhook) -> None:
    session.execute(IN_LOOPS, {"how": "off"})
    values = {"tenant": webhook.tenant_id, "webhook": webhook.id, "in_flight": _in_flight(webhook)}
    session.execute(NEWEST_ONLY, values)
    session.execute(IN_LOOPS, {"how": "on"})


def _skip(webhook: Webhook, before: datetime) -> None:
    session.execute(
        update(Delivery)
        .where(*_waiting(webhook), Delivery.created_at < before)
        .where(or_(Delivery.state != "in_flight", Delivery.id.in_(_in_flight(webhook))))
        .values(CANCEL)
        .execution_options(synchronize_session=False)
    )


def _in_flight(webhook: Webhook) -> Sequence[str]:
    """Return the deliveries in flight, locked. One that is just being recorded is left out: whoever
    records it waits for the webhook, which is locked here."""
    on_their_way = select(Delivery.id).where(*_waiting(webhook), Delivery.state == "in_flight")
    return session.scalars(on_their_way.with_for_update(skip_locked=True)).all()


def _endpoint(webhook: Webhook) -> Endpoint:
    """Return the locked endpoint row of a webhook; create it if there is none yet."""
    [endpoint] = _endpoints(webhook.tenant_id, [webhook.id])
    return endpoint


def _endpoints(tenant_id: str, webhook_ids: Sequence[str]) -> Sequence[Endpoint]:
    rows = [{"tenant_id": tenant_id, "webhook_id": webhook_id} for webhook_id in webhook_ids]
    session.execute(insert(Endpoint).values(rows).on_conflict_do_nothing())
    mine = (Endpoint.tenant_id == tenant_id, Endpoint.webhook_id.in_(webhook_ids))
    query = select(Endpoint).where(*mine).order_by(Endpoint.webhook_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).all()


def lock_endpoints(tenant_id: str, webhook_ids: Iterable[str]) -> None:
    """Lock the endpoint rows of webhooks until the transaction ends, with those of the webhooks
    before them, each by id; create the rows that are not there yet."""
    ids = sorted(set(webhook_ids))
    # A new endpoint refers to its webhook, so inserting it would lock that one later.
    of_ids = (Webhook.tenant_id == tenant_id, Webhook.id.in_(ids))
    webhooks = select(Webhook.id).where(*of_ids).order_by(Webhook.id)
    known = session.scalars(webhooks.with_for_update(read=True, key_share=True)).all()
    if known:
        _endpoints(tenant_id, known)


def _pause(actor: Actor, webhook: Webhook, endpoint: Endpoint, reason: PauseReason) -> Webhook:
    now = database_now()
    endpoint.probes = endpoint.good_probes = endpoint.expired = 0
    endpoint.recovered_at = endpoint.expired_at = None
    endpoint.next_probe_at = None if reason == "by_hand" else now + policy.next_probe(0)
    halt(webhook)
    values = {"paused_at": now, "pause_reason": reason}
    return verbs.change(actor, webhook, values, action="paused", why="pause_reason")


def _resume(actor: Actor, webhook: Webhook, endpoint: Endpoint, *, action: str) -> Webhook:
    endpoint.next_probe_at = endpoint.failing_since = endpoint.not_before = None
    endpoint.warned_at = None
    endpoint.probes = endpoint.good_probes = endpoint.throttles = 0
    endpoint.resumed_at = database_now()
    endpoint.recovered_at = endpoint.resumed_at if action == "recovered" else None
    # Deliveries that wait for their next attempt are retried now.
    session.execute(
        update(Delivery)
        .where(*_waiting(webhook), Delivery.state == "retrying", Delivery.due_at > func.now())
        .values(due_at=IN_PLACE if webhook.ordered else func.now())
        .execution_options(synchronize_session=False)
    )
    session.execute(WAKE)
    values = {"paused_at": None, "pause_reason": None, "consecutive_failures": 0}
    return verbs.change(actor, webhook, values, action=action)


def gave_up(actor: Actor, webhook_id: str, count: int) -> None:
    """Report that deliveries of a webhook expired while they were held: count them at its endpoint,
    and once a day add an entry to the audit log and publish an event."""
    webhook = find(Webhook, actor, webhook_id, include_deleted=True)
    endpoint = _endpoint(webhook)
    told, now = endpoint.expired_at, database_now()
    endpoint.expired += count
    if told is not None and now - told < REPORT_AGAIN_AFTER:
        return
    endpoint.expired_at = now
    audit.record(actor, "webhook.expired", webhook, {"expired": (None, endpoint.expired)})
    _say(actor, webhook, "expired", expired=endpoint.expired)


def _say(actor: Actor, webhook: Webhook, action: str, **data: int) -> None:
    told = {"id": webhook.id, "name": webhook.name, **data}
    events.announce(actor, f"webhook.{action}", told, subject=webhook.id)
