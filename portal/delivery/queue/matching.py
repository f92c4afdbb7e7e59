"""Which webhooks an event goes to, and why: subscriptions, filters, and the fan-out.

This is the listener that webhooks register with events: it writes the deliveries in the
publisher's own transaction.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    any_,
    bindparam,
    cast,
    delete,
    func,
    select,
    true,
    update,
)

from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import session
from portal.delivery.queue import new_deliveries
from portal.events.listeners import Match, Owed, Published, Rows
from portal.events.type_names import matches, patterns_of
from portal.fast.statements import Bound, Statement
from portal.webhooks.models import Delivery, DeliveryAttempt, Subscription, Webhook

ENDED = ("delivered", "failed", "cancelled")
OWE = Statement.of_file("portal.delivery.queue", "owe.sql")
Filter = Mapping[str, Any]


def passes(wanted: Filter, data: Mapping[str, Any]) -> bool:
    """Tell whether an event's data has, in each field of the filter, one of the values given
    there."""
    return all(
        name in data and any(_same(data[name], value) for value in values)
        for name, values in wanted.items()
    )


def _same(found: Any, value: Any) -> bool:
    # JSON keeps true and 1 apart, Python does not.
    return found == value and isinstance(found, bool) == isinstance(value, bool)


class Deliveries:
    """What webhooks do with events: one delivery for each webhook that an event matches."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        """Return the statement that finds the webhooks that are on and subscribe to these types:
        pattern, id, and filter as JSON."""
        patterns = sorted({pattern for name in types for pattern in patterns_of(name)})
        values = {"tenant_id": tenant_id, "patterns": patterns, "at_most": at_most}
        return Bound(LIVE, values)

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows) -> Owed:
        """Return the statement that writes the deliveries and wakes the workers."""
        subscribed = _subscribed({event.type for event in events}, wanting)
        owed = [
            {"id": new_id(Delivery.id_prefix), "webhook_id": webhook_id, "event_id": event.id,
             "event_type": event.type, "subject": event.subject}
            for event in events
            for webhook_id, wanted in subscribed.get(event.type, {}).items()
            if passes(wanted, event.data)
        ]  # fmt: skip
        if not owed:
            return Owed((), {})
        values = {
            "tenant_id": tenant_id,
            "deliveries": orjson.dumps(owed).decode(),
            "notices": orjson.dumps(new_deliveries.notices(tenant_id, owed)).decode(),
            "channel": new_deliveries.CHANNEL,
        }
        return Owed([Bound(OWE, values)], Counter(str(one["event_id"]) for one in owed))

    def kept(self, tenant_id: str, event_ids: Sequence[str]) -> int:
        """Return how many deliveries of these events there are."""
        of_these = (Delivery.tenant_id == tenant_id, Delivery.event_id.in_(event_ids))
        return session.scalar(select(func.count()).select_from(Delivery).where(*of_these)) or 0

    def forget(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Erase the deliveries of these events, and what was sent and answered."""
        # Deliveries first: that waits for who is recording an attempt at one just now.
        for model in (Delivery, DeliveryAttempt):
            session.execute(
                delete(model)
                .where(model.tenant_id == tenant_id, model.event_id.in_(event_ids))
                .execution_options(synchronize_session=False)
            )

    def outlive(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Let go of what was sent and answered, and of the deliveries that have ended; those that
        are still held are given up by the housekeeping, which tells of it. Whose they were goes
        with the events, by which an erasure finds them."""
        for model, ended in ((Delivery, Delivery.state.in_(ENDED)), (DeliveryAttempt, true())):
            session.execute(
                delete(model)
                .where(model.tenant_id == tenant_id, model.event_id.in_(event_ids), ended)
                .execution_options(synchronize_session=False)
            )
        session.execute(
            update(Delivery)
            .where(Delivery.tenant_id == tenant_id, Delivery.event_id.in_(event_ids))
            .where(Delivery.subject.is_not(None))
            .values(subject=None)
            .execution_options(synchronize_session=False)
        )

    def explain(self, actor: Actor, event: Published, limit: int) -> Sequence[Match]:
        """Return every outbound webhook that the actor sees, beside one event."""
        if not actor.can("webhooks:read"):
            return []
        query = Webhook.seen_by(actor).where(
            Webhook.is_deleted.is_(False), Webhook.direction == "outbound"
        )
        found = session.scalars(query.order_by(Webhook.id).limit(limit))
        return [_beside(webhook, event) for webhook in found]


def _subscribed(types: set[str], live: Rows) -> dict[str, dict[str, Filter]]:
    """Return event type → webhook id → filter."""
    found: dict[str, dict[str, Filter]] = {}
    for pattern, webhook_id, filter_as_json in live:
        wanted: Filter = orjson.loads(filter_as_json)
        for name in types:
            if matches(pattern, name):
                found.setdefault(name, {})[webhook_id] = wanted
    return found


# Subscriptions to one of these patterns, of webhooks that are on: paused ones too, because what
# happens while a webhook is paused is held for it and not lost.
LIVE = Statement(
    select(Subscription.pattern, Webhook.id, cast(Webhook.filter, Text))
    .join(
        Webhook,
        (Webhook.tenant_id == Subscription.tenant_id) & (Webhook.id == Subscription.webhook_id),
    )
    .where(
        Subscription.tenant_id == bindparam("tenant_id"),
        Subscription.pattern == any_(bindparam("patterns", type_=ARRAY(Text))),
        Webhook.enabled,
        Webhook.is_deleted.is_(False),
        Webhook.direction == "outbound",
    )
    .limit(bindparam("at_most", type_=Integer))
)


def _beside(webhook: Webhook, event: Published) -> Match:
    matched, reason = why(webhook, event)
    return Match(webhook.id, webhook.name, matched, reason)


def why(webhook: Webhook, event: Published) -> tuple[bool, str]:
    """Tell whether a webhook gets an event by its settings of now, and the reason as a sentence."""
    if event.only_for is not None:
        if event.only_for == webhook.id:
            return True, "It was sent to it from its lab."
        return False, "It was sent to another webhook, from that one's lab."
    if not webhook.enabled:
        return False, "The webhook is off."
    meant = [pattern for pattern in webhook.event_types if matches(pattern, event.type)]
    if not meant:
        return False, f"It does not subscribe to {event.type}."
    for name, values in webhook.filter.items():
        if not passes({name: values}, event.data):
            has = (
                f"it is {event.data[name]!r}"
                if name in event.data
                else "the event has no such field"
            )
            return False, f"Its filter wants another {name}: {has}."
    return True, f"It subscribes to {meant[0]}" + (
        ", and the filter lets it through." if webhook.filter else "."
    )
