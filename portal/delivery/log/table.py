"""The log of deliveries as people see it: of all webhooks, and of one."""

from collections.abc import Mapping
from dataclasses import replace

from portal.delivery.log import attempt_view, search
from portal.delivery.log.search import Receiver
from portal.fast.template_calls import escape_text
from portal.web.drawing.cells import number, short_id, status, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table
from portal.webhooks.models import Delivery

Beside = Mapping[str, Receiver]
SAID_OF = ("retrying", "failed", "held")  # states that say how the last attempt ended
NONE = number(None)


def _event(delivery: Delivery, beside: Beside) -> str:
    url, name = record_urls("deliveries.show")(delivery.id), escape_text(delivery.event_type)
    about = escape_text(delivery.subject) if delivery.subject else short_id(delivery.id)
    origin = "" if delivery.origin == "event" else f" · {escape_text(delivery.origin)}"
    return f'<a href="{url}">{name}</a><small>{about}{origin}</small>'


def _webhook(delivery: Delivery, beside: Beside) -> str:
    url, receiver = record_urls("webhooks.show")(delivery.webhook_id), _receiver(delivery, beside)
    name = escape_text(receiver.name) if receiver else short_id(delivery.webhook_id)
    return f'<a href="{url}">{name}</a>'


def _state(delivery: Delivery, beside: Beside) -> str:
    state = search.state_of(delivery, _receiver(delivery, beside))
    drawn = status(state, attempt_view.state_text(state))
    if not delivery.outcome or state not in SAID_OF:
        return drawn
    return f'{drawn} <span class="mute">{attempt_view.outcome_text(delivery.outcome)}</span>'


def _next(delivery: Delivery, beside: Beside) -> str:
    due = search.next_attempt(delivery, _receiver(delivery, beside))
    return time(due) if due else NONE


def _receiver(delivery: Delivery, beside: Beside) -> Receiver | None:
    return beside.get(delivery.webhook_id)


TABLE = Table(
    "deliveries",
    "deliveries.index",
    "deliveries",
    search.LISTING,
    (
        Column("event_type", "Event", _event),
        Column("webhook", "Webhook", _webhook),
        Column("state", "Status", _state),
        Column("status", "HTTP", lambda one, _: str(one.status or NONE), css="num"),
        Column("attempts", "Attempts", lambda one, _: number(one.attempts), css="num"),
        Column("due_at", "Next attempt", _next),
        Column("created_at", "Age", lambda one, _: time(one.created_at)),
        Column("completed_at", "Ended", lambda one, _: time(one.completed_at, missing="not yet"),
               is_shown=False),
    ),
    {"state": "Status", "event_type": "Event type", "origin": "Sent because of"},
    is_log=True,
    read_with="webhooks",
    since="created_at",
    search="Delivery or event id, or subject",
    own=("seen",),
)  # fmt: skip
OF_WEBHOOK = replace(
    TABLE,
    name="webhook-deliveries",
    read_with="",
    listing=search.OF_WEBHOOK,
    columns=tuple(column for column in TABLE.columns if column.name != "webhook"),
)
