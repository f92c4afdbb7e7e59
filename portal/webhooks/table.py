"""The list of webhooks as people see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from portal.applications.models import Application
from portal.fast.template_calls import escape_text
from portal.records.health import Health
from portal.web.drawing.cells import number, short_id, status, tags, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table, text
from portal.webhooks import health, service
from portal.webhooks.models import Webhook

NONE = number(None)
SHOWN = 30  # characters of a URL


@dataclass(frozen=True, slots=True)
class Beside:
    """Data that the rows of webhooks show beside their records.

    `outcome` returns the tone and the words for the outcome of a delivery.
    """

    healths: Mapping[str, Health]
    owners: Mapping[str, Application]
    outcome: Callable[[str], tuple[str, str]]


def _name(record: Webhook, beside: Beside) -> str:
    url, name = record_urls("webhooks.show")(record.id), escape_text(record.name)
    return f'<a href="{url}">{name}</a><small>{short_id(record.id)}</small>'


def _health(record: Webhook, beside: Beside) -> str:
    found = beside.healths[record.id]
    drawn = status(found.status, found.short or None)
    return f'<span title="{escape_text(found.reason)}">{drawn}</span>'


def _address(record: Webhook, beside: Beside) -> str:
    if record.direction == "inbound":
        return '<span class="mute">inbound</span>'
    url = record.url or ""
    if not url:
        return NONE
    near = url if len(url) <= SHOWN else f"{url[: SHOWN - 1]}…"
    return f'<code title="{escape_text(url)}">{escape_text(near)}</code>'


def _delivery(record: Webhook, beside: Beside) -> str:
    last = time(record.last_delivery_at)
    if not record.last_delivery_status:
        return last
    return f"{status(*beside.outcome(record.last_delivery_status))} {last}"


def _application(record: Webhook, beside: Beside) -> str:
    owner = beside.owners.get(record.application_id or "")
    return text(owner.display_name if owner else None)


TABLE = Table(
    "webhooks",
    "webhooks.index",
    "webhooks",
    service.LISTING,
    (
        Column("name", "Name", _name, sort="name"),
        Column("health", "Health", _health),
        Column("url", "Address", _address),
        Column("event_types", "Events", lambda one, _: tags(one.event_types, 2)),
        Column("last_delivery_at", "Last delivery", _delivery, sort="last_delivery_at"),
        Column("failures", "Failures", lambda one, _: number(one.consecutive_failures), css="num"),
        Column("application", "Application", _application),
        Column("tags", "Tags", lambda one, _: tags(one.tags, 2), is_shown=False),
        Column("updated_at", "Changed", lambda one, _: time(one.updated_at), sort="updated_at",
               is_shown=False),
        Column("created_at", "Created", lambda one, _: time(one.created_at), sort="created_at",
               is_shown=False),
    ),
    {
        "url": "URL",
        "is_active": "Active",
        "event_type": "Event type",
        "app_id": "Made by app",
        "last_delivery_status": "Last outcome",
        "last_delivery": "Last delivery",
        "updated": "Changed",
        "id": "Id",
    },
    tally=health.TALLY,
)  # fmt: skip
