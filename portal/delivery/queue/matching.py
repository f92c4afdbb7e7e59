"""Match events to webhooks by subscriptions and filters, and write the deliveries (fan-out).

`Deliveries` is the listener that this feature registers with events: it writes the deliveries in
the publisher's own transaction.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Integer,
    Text,
    any_,
    bindparam,
    case,
    cast,
    delete,
    func,
    select,
    true,
    update,
)

from portal.core.errors import Invalid
from portal.core.threads.precedence import give_way
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import session
from portal.delivery.queue import new_deliveries
from portal.delivery.queue.filters import Filter, Keys, compiled
from portal.events import settings
from portal.events.listeners import FEW_BYTES, Match, Owed, Published, Rows, Work
from portal.events.type_names import matches, patterns_of
from portal.fast.statements import Bound, Statement
from portal.records.schemas import quoted
from portal.webhooks.models import Delivery, DeliveryAttempt, Subscription, Webhook

ENDED = ("delivered", "failed", "cancelled")
OWE = Statement.of_file("portal.delivery.queue", "owe.sql")
WANTING = Statement.of_file("portal.delivery.queue", "wanting.sql")
MOST_OWED = 100_000  # deliveries of one publication
WRITTEN_AT_ONCE = 10_000  # deliveries of one statement, which has a second or two for them
MOST_STEPS = 2_000_000
"""The work of matching one publication: at most half a second of processor time. A step is a
look-up; to read a filter takes one for BYTES_OF_A_STEP."""
BYTES_OF_A_STEP = 10
TOO_MANY_OWED = (
    f"These are more than {MOST_OWED:,} deliveries, since each event goes to every webhook that"
    " wants it. Send fewer events at once."
)
TOO_MUCH_MATCHING = (
    "Matching this with the filters of {webhooks:,} or more webhooks takes too much work. Send"
    " fewer events at once, or give the webhooks smaller filters."
)


class Deliveries:
    """A listener for events: one delivery for each webhook that an event matches."""

    def who_wants(
        self, tenant_id: str, types: Collection[str], at_most: int | None = None
    ) -> Bound:
        """Return the statement that finds the webhooks that are on and subscribe to these types:
        patterns, id, and filter as JSON, as `wanting.sql` describes them. With `at_most`, each row
        has one pattern, and no filter beyond FEW_BYTES."""
        values: dict[str, Any] = {"tenant_id": tenant_id}
        if at_most is not None:
            patterns = sorted({pattern for name in types for pattern in patterns_of(name)})
            values |= {"patterns": patterns, "at_most": at_most, "most_bytes": FEW_BYTES}
            return Bound(FEW_LIVE, values)
        widest = _widest(types)
        values |= {"patterns": list(widest), "stands_for": list(widest.values())}
        return Bound(WANTING, values | {"most_bytes": MOST_STEPS * BYTES_OF_A_STEP})

    def owes(self, tenant_id: str, events: Sequence[Published], wanting: Rows, work: Work) -> Owed:
        """Return the statements that write the deliveries and notify the workers, with the number
        of deliveries of each event. Adds to `work`, and raises Invalid if there are too many
        deliveries or filters."""
        _add_steps(work, _reading(wanting), wanting)
        subscribed = _by_pattern(wanting)
        _add_steps(work, _look_ups(events, subscribed), wanting)
        matched: list[tuple[Published, Collection[str]]] = []
        for event in events:
            webhooks = _matching(event, subscribed)
            work.deliveries += len(webhooks)
            if work.deliveries > MOST_OWED:
                raise Invalid.field("events", TOO_MANY_OWED)
            matched.append((event, webhooks))
        deliveries = {event.id: len(webhooks) for event, webhooks in matched if webhooks}
        return Owed(_writes(tenant_id, matched), deliveries)

    def kept(self, tenant_id: str, event_ids: Sequence[str]) -> int:
        """Return the number of deliveries of these events."""
        of_these = (Delivery.tenant_id == tenant_id, Delivery.event_id.in_(event_ids))
        return session.scalar(select(func.count()).select_from(Delivery).where(*of_these)) or 0

    def forget(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Delete the deliveries of these events, and their attempts."""
        # Deliveries first: this waits for a worker that is just recording an attempt.
        for model in (Delivery, DeliveryAttempt):
            session.execute(
                delete(model)
                .where(model.tenant_id == tenant_id, model.event_id.in_(event_ids))
                .execution_options(synchronize_session=False)
            )

    def outlive(self, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Delete the attempts of these events, and the deliveries that have ended. Deliveries that
        are still held remain until the housekeeping expires and reports them. Clear their subject,
        because an erasure finds a person's data only through the events."""
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
        """Return outbound webhooks that the actor sees, each with whether and why it gets an
        event. The reasons have no value of a field that is hidden from the actor."""
        if not actor.can("webhooks:read"):
            return []
        query = Webhook.seen_by(actor).where(
            Webhook.is_deleted.is_(False), Webhook.direction == "outbound"
        )
        found = session.scalars(query.order_by(Webhook.id).limit(limit))
        hidden = settings.hidden_from(actor)
        return [_beside(webhook, event, hidden) for webhook in found]


def _writes(
    tenant_id: str, matched: Iterable[tuple[Published, Collection[str]]]
) -> Iterator[Bound]:
    owed = (
        {"id": new_id(Delivery.id_prefix), "webhook_id": webhook_id, "event_id": event.id,
         "event_type": event.type, "subject": event.subject}
        for event, webhooks in matched for webhook_id in webhooks
    )  # fmt: skip
    while part := list(islice(owed, WRITTEN_AT_ONCE)):
        yield _write(tenant_id, part)


def _write(tenant_id: str, owed: Sequence[Mapping[str, Any]]) -> Bound:
    give_way()
    values = {
        "tenant_id": tenant_id,
        "deliveries": orjson.dumps(owed).decode(),
        "notices": orjson.dumps(new_deliveries.notices(tenant_id, owed)).decode(),
        "channel": new_deliveries.CHANNEL,
    }
    return Bound(OWE, values)


def _widest(types: Collection[str]) -> dict[str, str]:
    """Return every pattern that matches one of these types, with the widest that matches the same
    ones: a webhook with both is looked up by one."""
    matched = Counter(pattern for name in types for pattern in patterns_of(name))
    widest: dict[str, str] = {}
    for name in types:
        last = "*"
        for pattern in reversed(patterns_of(name)):
            # Each pattern of a name matches at least what the next, narrower one matches.
            last = widest[pattern] = last if matched[pattern] == matched[last] else pattern
    return widest


Subscribed = Mapping[str, Sequence[tuple[str, Filter]]]
"""Pattern → webhook id and filter."""


def _reading(wanting: Rows) -> int:
    """Return the steps that reading the filters takes; more than MOST_STEPS if not all are here."""
    if wanting and wanting[-1][0] is None:
        return MOST_STEPS + 1
    return sum(len(text) for _, _, text in wanting) // BYTES_OF_A_STEP


def _by_pattern(wanting: Rows) -> Subscribed:
    found: dict[str, list[tuple[str, Filter]]] = {}
    for patterns, webhook_id, filter_as_json in wanting:
        give_way()
        subscriber = webhook_id, compiled(filter_as_json)
        for pattern in patterns.split(" "):
            found.setdefault(pattern, []).append(subscriber)
    return found


def _look_ups(events: Sequence[Published], subscribed: Subscribed) -> int:
    """Return the most steps that matching takes: counted before, they are always the same for the
    same events and webhooks."""
    of_pattern = {
        pattern: sum(wanted.steps for _, wanted in found) for pattern, found in subscribed.items()
    }
    of_type = {
        name: sum(of_pattern.get(pattern, 0) for pattern in patterns_of(name))
        for name in {event.type for event in events}
    }
    return sum(of_type[event.type] for event in events)


def _add_steps(work: Work, steps: int, wanting: Rows) -> None:
    """Add the steps before they are done. Raises Invalid if matching then takes too much work."""
    work.steps += steps
    if work.steps > MOST_STEPS:
        webhooks = len({webhook_id for _, webhook_id, _ in wanting})
        raise Invalid.field("events", TOO_MUCH_MATCHING.format(webhooks=webhooks))


def _matching(event: Published, subscribed: Subscribed) -> Collection[str]:
    """Return the ids of the webhooks that an event matches."""
    keys, matched = Keys(event.data), dict[str, None]()  # one for a webhook with two such patterns
    for pattern in patterns_of(event.type):
        for webhook_id, wanted in subscribed.get(pattern, ()):
            give_way()
            if wanted.refusing(keys) is None:
                matched[webhook_id] = None
    return tuple(matched)


# Subscriptions to one of these patterns, of webhooks that are on, also of paused ones: their events
# are held and not lost.
_few = (
    select(Subscription.pattern, Webhook.id, cast(Webhook.filter, Text).label("filter"))
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
    .subquery()
)
_few_bytes = func.sum(func.octet_length(_few.c.filter)).over(rows=(None, 0))
_is_read = _few_bytes <= bindparam("most_bytes", type_=Integer)
FEW_LIVE = Statement(select(_few.c.pattern, _few.c.id, case((_is_read, _few.c.filter))))


def _beside(webhook: Webhook, event: Published, hidden: Collection[str]) -> Match:
    matched, reason = why(webhook, event, hidden)
    return Match(webhook.id, webhook.name, matched, reason)


def why(webhook: Webhook, event: Published, hidden: Collection[str]) -> tuple[bool, str]:
    """Return whether a webhook gets an event with its current settings, and the reason as a
    sentence, without the values of hidden fields."""
    if event.only_for is not None:
        if event.only_for == webhook.id:
            return True, "It was sent to it from its lab."
        return False, "It was sent to another webhook, from that one's lab."
    if not webhook.enabled:
        return False, "The webhook is disabled."
    meant = [pattern for pattern in webhook.event_types if matches(pattern, event.type)]
    if not meant:
        return False, f"It does not subscribe to {event.type}."
    if (name := Filter(webhook.filter).refusing(Keys(event.data))) is not None:
        return False, f"Its filter wants another {name}: {_has(event, name, hidden)}."
    return True, f"It subscribes to {meant[0]}" + (
        ", and the filter lets it through." if webhook.filter else "."
    )


def _has(event: Published, name: str, hidden: Collection[str]) -> str:
    if name not in event.data:
        return "the event has no such field"
    value = settings.redact_data(event.data, hidden)[name]
    if value == settings.HIDDEN:
        return "its value is hidden from you"
    return f"it is {quoted(value) if isinstance(value, str) else orjson.dumps(value).decode()}"
