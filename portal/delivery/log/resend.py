"""Actions on deliveries: send again, retry now, and test settings with recent events."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, update

from portal.core.errors import Conflict, FieldError, Invalid
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import let_go, session
from portal.delivery.log import search
from portal.delivery.queue.filters import Filter, Keys
from portal.events import settings
from portal.events.listeners import hold_events
from portal.events.models import Event
from portal.events.type_names import matches
from portal.records.audit import trail as audit
from portal.records.quotas import stored_bytes
from portal.webhooks.models import Delivery, Endpoint, Webhook
from portal.webhooks.subscriptions import IN_PLACE, WAKE

TRIED = 200
EXAMPLES = 5
HIDDEN_FIELD = "The values of this field are hidden from you, so you cannot filter by it."


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of testing settings with the last events; see `try_settings`."""

    events: int
    matched: int
    new: int | None
    lost: int | None
    examples: Sequence[str]


def redeliver(actor: Actor, delivery_id: str) -> Delivery:
    """Send a delivery's event once more, with the same webhook-id and `webhook-replay: true`.

    Raises Conflict if the event was deleted, or the webhook is deleted; QuotaReached when the
    tenant's stored bytes are at the limit; RateLimited while events are erased.
    """
    before, webhook = search.one_to_change(actor, delivery_id)
    hold_events(actor.tenant_id)
    stored_bytes.known().check(actor.tenant_id)
    if webhook.is_deleted:
        raise Conflict("The webhook of this delivery is deleted.")
    of_it = select(Event.id).filter_by(tenant_id=actor.tenant_id, id=before.event_id)
    if session.scalar(of_it) is None:
        raise Conflict("The event of this delivery is no longer kept.")
    again = owe(webhook, before.event_id, before.event_type, before.subject, "redelivery")
    audit.record(actor, "webhook.redelivered", webhook, {"delivery": (before.id, again.id)})
    return again


def owe(
    webhook: Webhook, event_id: str, event_type: str, subject: str | None, origin: str
) -> Delivery:
    """Insert a delivery of an event to one webhook, and notify the workers."""
    delivery = Delivery(
        tenant_id=webhook.tenant_id,
        id=new_id(Delivery.id_prefix),
        webhook_id=webhook.id,
        event_id=event_id,
        event_type=event_type,
        subject=subject,
        origin=origin,
    )
    session.add(delivery)
    session.flush()
    session.refresh(delivery)
    session.execute(WAKE)
    return delivery


def retry_now(actor: Actor, delivery_id: str) -> Delivery:
    """Make the next attempt of a delivery now, and not at its scheduled time.

    If the endpoint asked to slow down, the attempt still waits for that. Raises Conflict if the
    delivery waits for no retry.
    """
    delivery, webhook = search.one_to_change(actor, delivery_id)
    if search.state_of(delivery, webhook) != "retrying":
        raise Conflict("This delivery does not wait for another attempt.")
    # In an ordered webhook everything waits for the retry. A receiver that asked to slow down has
    # `throttles` until the next success.
    session.execute(
        update(Endpoint)
        .where(
            Endpoint.tenant_id == actor.tenant_id,
            Endpoint.webhook_id == webhook.id,
            Endpoint.throttles == 0,
        )
        .values(not_before=None)
        .execution_options(synchronize_session=False)
    )
    this = (Delivery.tenant_id == actor.tenant_id, Delivery.id == delivery.id)
    # One that is locked is being claimed, and the claim needs the endpoint afterwards.
    free = select(Delivery.id).where(*this, Delivery.state == "retrying")
    session.execute(
        update(Delivery)
        .where(*this, Delivery.id.in_(free.with_for_update(skip_locked=True)))
        # A delivery that is due already keeps its place in the queue.
        .values(due_at=IN_PLACE if webhook.ordered else func.least(Delivery.due_at, func.now()))
        .execution_options(synchronize_session=False)
    )
    session.refresh(delivery)
    session.execute(WAKE)
    audit.record(actor, "webhook.hurried", webhook, {"delivery": (None, delivery.id)})
    return delivery


def try_settings(
    actor: Actor,
    event_types: Sequence[str],
    wanted: dict[str, list[Any]],
    webhook_id: str | None = None,
) -> Trial:
    """Return how many of the last events a webhook with these settings would have received;
    compared with what a webhook gets now, if one is named.

    Raises Invalid for a filter of fields that are hidden from the actor: the count would tell
    whether a guessed value is right. For the same reason texts in which fields are hidden match as
    the actor sees them. For request handlers only: it ends the transaction once it has the events,
    because comparing many large ones takes seconds.
    """
    actor.require("events:read")
    hidden = settings.hidden_from(actor)
    _refuse_hidden(wanted, hidden)
    today = None
    if webhook_id:
        webhook = find(Webhook, actor, webhook_id)
        today = (webhook.event_types, webhook.filter) if webhook.enabled else ([], {})
    query = Event.seen_by(actor).where(Event.only_for.is_(None)).order_by(Event.id.desc())
    columns = query.with_only_columns(Event.id, Event.type, Event.data).limit(TRIED)
    events = session.execute(columns).all()
    let_go()
    now = _matching(events, event_types, wanted, hidden)
    before = None if today is None else _matching(events, *today)
    return Trial(
        len(events),
        len(now),
        None if before is None else len(set(now) - set(before)),
        None if before is None else len(set(before) - set(now)),
        now[:EXAMPLES],
    )


def _matching(
    events: Iterable[Row[tuple[str, str, Any]]],
    patterns: Sequence[str],
    wanted: Mapping[str, list[Any]],
    hidden: Collection[str] = (),
) -> list[str]:
    """Return the ids of the events that match as a reader sees them."""
    compiled = Filter(wanted)
    return [
        event.id
        for event in events
        if any(matches(pattern, event.type) for pattern in patterns)
        and compiled.refusing(Keys(settings.redact_values(event.data, wanted, hidden))) is None
    ]


def _refuse_hidden(wanted: Collection[str], hidden: Collection[str]) -> None:
    """Raise Invalid for each hidden field of a filter."""
    if closed := sorted(name for name in wanted if settings.is_hidden(name, hidden)):
        raise Invalid([FieldError(f"filter.{name}", HIDDEN_FIELD) for name in closed])
