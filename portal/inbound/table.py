"""The requests that a webhook received as people see them."""

from portal.fast.template_calls import escape_text
from portal.inbound import review
from portal.inbound.models import InboundRequest
from portal.web.drawing.cells import badge, number, short_id, status, time
from portal.web.drawing.template_functions import page_url
from portal.web.lists import Column, Table, text


def _when(row: InboundRequest, beside: object) -> str:
    url = page_url("inbound.show_request", record_id=row.webhook_id, request_id=row.id)
    return (
        f'<a href="{escape_text(url)}">{time(row.received_at)}</a><small>{short_id(row.id)}</small>'
    )


def _state(row: InboundRequest, beside: object) -> str:
    drawn = status("verified" if row.state == "accepted" else "warning", row.state)
    return f"{drawn} {badge(f'+{row.repeats} repeated')}" if row.repeats else drawn


TABLE = Table(
    "received",
    "inbound.received",
    "requests",
    review.LISTING,
    (
        Column("received_at", "When", _when),
        Column("state", "State", _state),
        Column("event_type", "Event", lambda one, _: text(one.event_type)),
        Column("reason", "Why", lambda one, _: text(one.reason)),
        Column("body_bytes", "Bytes", lambda one, _: number(one.body_bytes), css="num"),
        Column("source_ip", "From", lambda one, _: text(one.source_ip)),
    ),
    {"code": "Reason", "event_type": "Event type"},
    is_log=True,
    since="received_at",
    own=("live",),
)
