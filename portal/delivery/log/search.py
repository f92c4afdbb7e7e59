"""Search the delivery log: all webhooks of a tenant, or one, newest first.

Every query uses an index, so the log of a million deliveries opens as fast as that of ten. Search
words are compared for equality (a whole id, a whole subject), never within texts.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    any_,
    case,
    func,
    literal,
    not_,
    select,
)
from sqlalchemy.orm import defer, undefer

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.base import time_of
from portal.database.session import session
from portal.events.models import Event
from portal.records import verbs
from portal.records.listing import Clause, Listing, Page, Query, narrowed, one_by_one, page
from portal.records.lists import cursors
from portal.webhooks.models import (
    CLOCKS_APART,
    ORIGINS,
    STATES,
    UNSENT,
    Delivery,
    DeliveryAttempt,
    Endpoint,
    Webhook,
)

SHOWN_STATES = ("pending", "held", "in_flight", "retrying", *STATES[3:])
"""States as people see them: `held` is a waiting delivery of a webhook that sends nothing now."""

OF_ONE_SUBJECT = 500
COUNTED_NEW = 100
ATTEMPTS_SHOWN = 50
SEQUENCE = "sequence"  # what a cursor of `after` is sorted by
WITH_BODY = undefer(DeliveryAttempt.body_of_event)
QUICK_STATES = ("pending", "held", "in_flight", "retrying", "failed")
"""The states that an index finds, one at a time."""
UNINDEXED = ("event_type", "subject", "origin")  # filters of the list
SEVERAL = ("state", "event_type", "webhook_id", "origin")
NAMING = {"id", "event_id"}
IDLE = (
    select(Webhook.id)
    .where(
        Webhook.tenant_id == Delivery.tenant_id,
        Webhook.id == Delivery.webhook_id,
        not_(Webhook.receives),
    )
    .correlate(Delivery)
    .exists()
)
SHOWN_STATE: Any = case((Delivery.state.in_(UNSENT) & IDLE, "held"), else_=Delivery.state)
"""The state as people see it, to compare one delivery after the other."""
AN_ID = re.compile(r"(dlv|evt|whk|rpl)_[0-9A-HJKMNP-TV-Z]{26}")

# Listing is typed for records. A delivery is none, but has the columns that a list needs; there is
# no soft deletion.
LISTING: Listing[Any] = Listing(
    Delivery,
    filters={
        "state": SHOWN_STATE,
        "event_type": Delivery.event_type,
        "event_id": Delivery.event_id,
        "subject": Delivery.subject,
        "webhook_id": Delivery.webhook_id,
        "replay_id": Delivery.replay_id,
        "origin": Delivery.origin,
    },
    choices={"state": SHOWN_STATES, "origin": ORIGINS},
    several=SEVERAL,
    once_single=SEVERAL,
    apart=("webhook_id",),
    quick=("webhook_id", "event_id"),
    combines=True,
    texts={"event_type": Delivery.event_type, "subject": Delivery.subject},
    optional={"subject": Delivery.subject},
    ranges={"created_at": Delivery.created_at},
    sorts={"created_at": Delivery.id},
)
# Of one webhook, which is no filter then.
OF_WEBHOOK = replace(
    LISTING,
    filters={name: column for name, column in LISTING.filters.items() if name != "webhook_id"},
)


@dataclass(frozen=True, slots=True)
class Receiver:
    """The webhook of a delivery, as far as a line of the log shows it."""

    id: str
    name: str
    receives: bool
    is_paused: bool
    left_alone_until: datetime | None


def find_page(actor: Actor, query: Query, upto: str | None = None) -> Page[Any]:
    """Return one page of the log; with `upto` (an id) without anything newer."""
    actor.require("webhooks:read")
    query = _by_common_subject(actor, query)
    also = _conditions(actor, query)
    if upto is not None:
        also.append(Delivery.id <= upto)
    return page(actor, LISTING, _plain(query), also=also)


def count_newer(actor: Actor, query: Query, than: str) -> int:
    """Return how many deliveries that the query matches are newer than one; at most COUNTED_NEW."""
    actor.require("webhooks:read")
    query = _by_common_subject(actor, query)
    statement = narrowed(actor, LISTING, _plain(query)).where(
        Delivery.id > than, *_conditions(actor, query)
    )
    ids = statement.with_only_columns(Delivery.id).limit(COUNTED_NEW).subquery()
    return session.scalar(select(func.count()).select_from(ids)) or 0


def receivers(actor: Actor, deliveries: Sequence[Delivery]) -> Mapping[str, Receiver]:
    """Return the webhooks of these deliveries, by id."""
    ids = {delivery.webhook_id for delivery in deliveries}
    if not ids:
        return {}
    query = Webhook.seen_by(actor).where(Webhook.id.in_(ids))
    return {found.id: found for found in _receivers(query)}


def receiver_of(actor: Actor, delivery: Delivery) -> Receiver | None:
    """Return the webhook of one delivery."""
    return receivers(actor, [delivery]).get(delivery.webhook_id)


def choices(actor: Actor, also: Iterable[str | None] = ()) -> list[tuple[str, str]]:
    """Return (id, name) of the first outbound webhooks by name, and of those in `also`."""
    outbound = Webhook.direction == "outbound"
    return verbs.choices(actor, Webhook, Webhook.name_key, Webhook.name, also, outbound)


def _receivers(query: Select[Any]) -> list[Receiver]:
    receives = Webhook.receives.label("receives")
    columns = (Webhook.id, Webhook.name, receives, Webhook.paused_at, Endpoint.not_before)
    query = query.outerjoin(
        Endpoint, (Endpoint.tenant_id == Webhook.tenant_id) & (Endpoint.webhook_id == Webhook.id)
    )
    return [
        Receiver(row.id, row.name, row.receives, row.paused_at is not None, row.not_before)
        for row in session.execute(query.with_only_columns(*columns))
    ]


def state_of(delivery: Delivery, receiver: Receiver | Webhook | None) -> str:
    """Return the state as people see it: `held` if it waits and the webhook sends nothing now."""
    idle = receiver is not None and not receiver.receives
    return "held" if idle and delivery.state in UNSENT else delivery.state


def next_attempt(delivery: Delivery, receiver: Receiver | None) -> datetime | None:
    """Return the time of the next attempt; None if it is not settled.

    The whole receiver may be left alone for longer: it asked for that, or is sent to in order.
    """
    if state_of(delivery, receiver) not in UNSENT:
        return None
    left_alone_until = receiver.left_alone_until if receiver else None
    return max(delivery.due_at, delivery.created_at, left_alone_until or delivery.due_at)


def print_of(deliveries: Sequence[Delivery], receivers: Mapping[str, Receiver], new: int) -> str:
    """Return a fingerprint that changes exactly when the log shows these deliveries differently."""
    seen = [
        f"{one.id} {state_of(one, to)} {one.attempts} {one.status} {next_attempt(one, to)}"
        for one in deliveries
        for to in [receivers.get(one.webhook_id)]
    ]
    return hashlib.sha256("\n".join([*seen, str(new)]).encode()).hexdigest()[:16]


def one(actor: Actor, delivery_id: str) -> tuple[Delivery, Webhook]:
    """Return one delivery and its webhook, read with one statement. Raises NotFound, also if the
    actor does not see the webhook."""
    actor.require("webhooks:read")
    return _one(actor, delivery_id)


def one_to_change(actor: Actor, delivery_id: str) -> tuple[Delivery, Webhook]:
    """Return one delivery and its webhook to an actor who may change webhooks."""
    actor.require("webhooks:write")
    return _one(actor, delivery_id)


def _one(actor: Actor, delivery_id: str) -> tuple[Delivery, Webhook]:
    query = Webhook.seen_by(actor).join(
        Delivery,
        (Delivery.tenant_id == Webhook.tenant_id) & (Delivery.webhook_id == Webhook.id),
    )
    found = session.execute(
        query.where(Delivery.id == delivery_id).with_only_columns(Delivery, Webhook)
    ).first()
    if found is None:
        raise NotFound(f"There is no delivery {shown(delivery_id)} in this tenant.")
    if actor.is_changing:
        found[1].permit(actor, ())
    return found[0], found[1]


def attempt_named(actor: Actor, attempt_id: str) -> DeliveryAttempt | None:
    """Return one attempt by its own id: of a test (dlv_…), which belongs to no delivery, or of the
    engine (att_…); None if there is none."""
    actor.require("webhooks:read")
    seen = Webhook.seen_by(actor).with_only_columns(Webhook.id)
    query = DeliveryAttempt.seen_by(actor).where(
        DeliveryAttempt.id == attempt_id, DeliveryAttempt.webhook_id.in_(seen)
    )
    return session.scalar(query.options(WITH_BODY))


def newest_of(actor: Actor, event_ids: Sequence[str], most: int) -> Sequence[Delivery]:
    """Return the newest deliveries of some events."""
    actor.require("webhooks:read")
    published = time_of(min(event_ids)) if event_ids else None
    if published is None:
        return []
    query = Delivery.seen_by(actor).where(
        Delivery.event_id == any_(literal(event_ids, ARRAY(String))), *_since(published)
    )
    return session.scalars(query.order_by(Delivery.id.desc()).limit(most)).all()


def _since(published: datetime) -> tuple[ColumnElement[bool], ...]:
    """Return the condition for deliveries of events that were published from then on. The tables
    of other days, also of those that are still to come, are left out of the plan."""
    upto = datetime.now(UTC) + CLOCKS_APART
    return (
        Delivery.id >= func.ulid_floor("dlv", published - CLOCKS_APART),
        Delivery.id < func.ulid_floor("dlv", upto),
    )


def after(
    actor: Actor, webhook: Webhook, sequence: int, limit: int, cursor: str | None
) -> tuple[Sequence[Delivery], str | None]:
    """Return a page of a webhook's deliveries after a sequence number, in their order, to fill a
    gap, and the cursor of the next page if there are more."""
    actor.require("webhooks:read")
    if (place := cursors.read(cursor, SEQUENCE, (f"{Delivery.id_prefix}_",))) is not None:
        sequence = cursors.value_of(Delivery.sequence, place)
    query = Delivery.seen_by(actor).where(
        Delivery.webhook_id == webhook.id,
        Delivery.sequence.is_not(None),
        Delivery.sequence > sequence,
    )
    found = session.scalars(query.order_by(Delivery.sequence).limit(limit + 1)).all()
    if len(found) <= limit:
        return found, None
    last = found[limit - 1]
    return found[:limit], cursors.Cursor(SEQUENCE, str(last.sequence), last.id).encode()


def attempts_of(
    actor: Actor, delivery: Delivery, *, whole: bool = False
) -> Sequence[DeliveryAttempt]:
    """Return the attempts of one delivery, the newest first; with requests and responses only if
    `whole`."""
    query = DeliveryAttempt.seen_by(actor).where(DeliveryAttempt.of(delivery))
    if whole:
        query = query.options(WITH_BODY)
    else:
        query = query.options(
            defer(DeliveryAttempt.body_of_test, raiseload=True),
            defer(DeliveryAttempt.request_headers, raiseload=True),
            defer(DeliveryAttempt.response_body, raiseload=True),
            defer(DeliveryAttempt.response_headers, raiseload=True),
        )
    newest_first = query.order_by(DeliveryAttempt.number.desc())
    return session.scalars(newest_first.limit(ATTEMPTS_SHOWN)).all()


def whole_attempt(actor: Actor, attempt: DeliveryAttempt) -> DeliveryAttempt:
    """Return an attempt from `attempts_of` with its request and response."""
    query = DeliveryAttempt.seen_by(actor).where(DeliveryAttempt.id == attempt.id)
    query = query.options(WITH_BODY)
    return session.scalars(query.execution_options(populate_existing=True)).one()


def _by_common_subject(actor: Actor, query: Query) -> Query:
    """Return the query with a subject that more than OF_ONE_SUBJECT events have as a comparison:
    reading the newest deliveries finds it soon."""
    words = query.q.strip()
    if not words or AN_ID.fullmatch(words):
        return query
    some = _about(actor, words).limit(OF_ONE_SUBJECT + 1).subquery()
    if (session.scalar(select(func.count()).select_from(some)) or 0) <= OF_ONE_SUBJECT:
        return query
    clauses = (*query.clauses, Clause("q", "subject", "is", words))
    return replace(query, q="", clauses=clauses)


def _about(actor: Actor, words: str) -> Select[Any]:
    """Return the events with this subject, the newest first."""
    about = select(Event.id).where(Event.tenant_id == actor.tenant_id, Event.subject == words)
    return about.order_by(Event.id.desc())


def _plain(query: Query) -> Query:
    """Return the part of a query that compares columns; words, and a state that an index finds,
    become conditions of their own."""
    state = _quick_state(query)
    filters = {name: value for name, value in query.filters.items() if not state or name != "state"}
    plain = replace(query, filters=filters, q="", tag=None, include_deleted=True)
    if query.q.strip() or NAMING & query.filters.keys():
        return plain  # an index finds the few that are named, whatever else is asked
    return one_by_one(plain, (*UNINDEXED, "state"))


def _quick_state(query: Query) -> str:
    """Return the state that the query asks for, if an index finds it, or else an empty text."""
    state = query.filters.get("state")
    return state if isinstance(state, str) and state in QUICK_STATES else ""


def _conditions(actor: Actor, query: Query) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if actor.app_id is not None:
        found.append(Delivery.webhook_id.in_(Webhook.seen_by(actor).with_only_columns(Webhook.id)))
    state = _quick_state(query)
    if state in STATES:
        # A literal and not a parameter: a cached plan for a parameter cannot use the partial
        # indexes, which have deliveries of some states only.
        found.append(Delivery.state == literal(state, literal_execute=True))
    if state in ("pending", "retrying", "held"):
        found += _by_receiver(actor, held=state == "held")
    if words := query.q.strip():
        found.append(_named(actor, words))
    return found


def _by_receiver(actor: Actor, *, held: bool) -> list[ColumnElement[bool]]:
    idle = select(Webhook.id).where(Webhook.tenant_id == actor.tenant_id, not_(Webhook.receives))
    if held:
        return [Delivery.state.in_(UNSENT), Delivery.webhook_id.in_(idle)]
    return [Delivery.webhook_id.not_in(idle)]


def _named(actor: Actor, words: str) -> ColumnElement[bool]:
    """Return the condition for a pasted id or a subject."""
    if AN_ID.fullmatch(words):
        column = {
            "dlv": Delivery.id,
            "evt": Delivery.event_id,
            "whk": Delivery.webhook_id,
            "rpl": Delivery.replay_id,
        }[words[:3]]
        return column == words
    # Subjects are indexed on events only. The deliveries of an event have the same subject.
    about = _about(actor, words).limit(OF_ONE_SUBJECT)
    return Delivery.event_id == any_(func.array(about.scalar_subquery()))
