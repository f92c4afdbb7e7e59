"""Deliveries as people and programs read them: the log, one delivery, the gaps, once more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update

from portal.audit import service as audit
from portal.db import Actor, find, new_id, session
from portal.errors import Conflict, NotFound
from portal.events.models import Event
from portal.events.names import matches
from portal.listing import Listing, Page, Query, page
from portal.webhooks.matching import WAKE, passes
from portal.webhooks.models import ORIGINS, STATES, Delivery, DeliveryAttempt, Webhook

ATTEMPTS_SHOWN = 50
TRIED = 200
EXAMPLES = 5

# Typed for records; a delivery has the columns that a list needs, and none is deleted softly.
LISTING: Listing[Any] = Listing(
    Delivery,
    filters={
        "state": Delivery.state,
        "event_type": Delivery.event_type,
        "event_id": Delivery.event_id,
        "subject": Delivery.subject,
        "webhook_id": Delivery.webhook_id,
        "replay_id": Delivery.replay_id,
        "origin": Delivery.origin,
    },
    choices={"state": STATES, "origin": ORIGINS},
    ranges={"created_at": Delivery.created_at},
    sorts={"created_at": Delivery.id},
)


@dataclass(frozen=True, slots=True)
class Trial:
    """How settings would have done with the last events; see `try_settings`."""

    events: int
    matched: int
    new: int | None
    lost: int | None
    examples: Sequence[str]


def find_page(actor: Actor, webhook: Webhook, query: Query) -> Page[Any]:
    """One page of a webhook's deliveries, the newest first."""
    actor.require("webhooks:read")
    filters = {**query.filters, "webhook_id": webhook.id}
    return page(actor, LISTING, replace(query, filters=filters, include_deleted=True))


def after(actor: Actor, webhook: Webhook, sequence: int, limit: int) -> Sequence[Delivery]:
    """A webhook's deliveries that follow a sequence number, in their order: to fill a gap."""
    actor.require("webhooks:read")
    query = Delivery.seen_by(actor).where(
        Delivery.webhook_id == webhook.id,
        Delivery.sequence.is_not(None),
        Delivery.sequence > sequence,
    )
    return session.scalars(query.order_by(Delivery.sequence).limit(limit)).all()


def get(actor: Actor, delivery_id: str) -> tuple[Delivery, Webhook]:
    """One delivery and its webhook. Raises NotFound also where the webhook is not the actor's."""
    actor.require("webhooks:read")
    found = session.scalar(Delivery.seen_by(actor).where(Delivery.id == delivery_id))
    try:
        if found is not None:
            return found, find(Webhook, actor, found.webhook_id, include_deleted=True)
    except NotFound:
        pass
    raise NotFound(f"There is no delivery {delivery_id[:60]} in this tenant.")


def attempts_of(actor: Actor, delivery: Delivery) -> Sequence[DeliveryAttempt]:
    """The attempts of one delivery, the newest first."""
    query = DeliveryAttempt.seen_by(actor).where(DeliveryAttempt.of(delivery))
    return session.scalars(
        query.order_by(DeliveryAttempt.number.desc()).limit(ATTEMPTS_SHOWN)
    ).all()


def shown_state(delivery: Delivery, webhook: Webhook) -> str:
    """The state as people read it: what waits for a webhook that gets nothing now is held."""
    if delivery.state in ("pending", "retrying") and not webhook.is_active:
        return "held"
    return delivery.state


def next_attempt(delivery: Delivery, webhook: Webhook) -> datetime | None:
    """When it is tried next, as far as that is settled."""
    return delivery.due_at if shown_state(delivery, webhook) in ("pending", "retrying") else None


def redeliver(actor: Actor, delivery_id: str) -> Delivery:
    """Send a delivery's event once more, with the same webhook-id and `webhook-replay: true`.

    Raises Conflict when the event is no longer kept, or the webhook is deleted.
    """
    actor.require("webhooks:write")
    before, webhook = get(actor, delivery_id)
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
    """Write a delivery of an event to one webhook, and wake the workers."""
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


def hurry(actor: Actor, delivery_id: str) -> Delivery:
    """Make the next attempt of a delivery now, not when its turn comes.

    An endpoint that asked for patience is still given it. Raises Conflict for a delivery that
    waits for no attempt.
    """
    actor.require("webhooks:write")
    delivery, webhook = get(actor, delivery_id)
    if shown_state(delivery, webhook) != "retrying":
        raise Conflict("This delivery does not wait for another attempt.")
    session.execute(
        update(Delivery)
        .where(
            Delivery.tenant_id == actor.tenant_id,
            Delivery.id == delivery.id,
            Delivery.state == "retrying",
        )
        .values(due_at=func.now())
        .execution_options(synchronize_session=False)
    )
    session.execute(WAKE)
    audit.record(actor, "webhook.hurried", webhook, {"delivery": (None, delivery.id)})
    return delivery


def try_settings(
    actor: Actor,
    event_types: Sequence[str],
    wanted: dict[str, list[Any]],
    webhook_id: str | None = None,
) -> Trial:
    """What of the last events a webhook with these settings would have got; against what the
    webhook gets today, where one is named."""
    actor.require("events:read")
    webhook = find(Webhook, actor, webhook_id) if webhook_id else None
    query = Event.seen_by(actor).where(Event.only_for.is_(None))
    looked_at = session.scalars(query.order_by(Event.id.desc()).limit(TRIED)).all()

    def would_match(patterns: Sequence[str], wanted: dict[str, list[Any]]) -> list[str]:
        return [
            event.id
            for event in looked_at
            if any(matches(pattern, event.type) for pattern in patterns)
            and passes(wanted, event.data)
        ]

    now = would_match(event_types, wanted)
    before = would_match(webhook.event_types, webhook.filter) if webhook else None
    return Trial(
        len(looked_at),
        len(now),
        None if before is None else len(set(now) - set(before)),
        None if before is None else len(set(before) - set(now)),
        now[:EXAMPLES],
    )
