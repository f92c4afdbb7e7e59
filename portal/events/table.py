"""The log of events as people see it."""

from portal.events import service
from portal.events.models import Event
from portal.fast.template_calls import escape_text
from portal.web.drawing.cells import short_id, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table, text


def _type(event: Event, beside: object) -> str:
    url = record_urls("events.show")(event.id)
    return f'<a href="{url}">{escape_text(event.type)}</a><small>{short_id(event.id)}</small>'


TABLE = Table(
    "events",
    "events.index",
    "events",
    service.LISTING,
    (
        Column("type", "Event", _type),
        Column("subject", "Subject", lambda one, _: text(one.subject)),
        Column("actor_name", "Published by", lambda one, _: text(one.actor_name)),
        Column("occurred_at", "Happened", lambda one, _: time(one.occurred_at)),
        Column("received_at", "Received", lambda one, _: time(one.received_at), sort="received_at"),
        Column("client_id", "Publisher's id", lambda one, _: text(one.client_id), is_shown=False),
    ),
    {"client_id": "Publisher's id", "app_id": "Made by app", "occurred": "Happened"},
    is_log=True,
    read_with="events",
    since="received_at",
    search="Event id or subject",
)  # fmt: skip
