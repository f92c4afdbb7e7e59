"""The list of applications as people see it."""

from collections.abc import Mapping

from portal.applications import service
from portal.applications.models import Application
from portal.fast.template_calls import escape_text
from portal.records.health import Health
from portal.web.drawing.cells import badge, short_id, status, time
from portal.web.drawing.faces import application_face
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table, text

Healths = Mapping[str, Health]


def _name(record: Application, beside: Healths) -> str:
    url, name = record_urls("applications.show")(record.id), escape_text(record.display_name)
    face = application_face(record.id, record.display_name)
    return f'{face}<a href="{url}">{name}</a><small>{short_id(record.id)}</small>'


def _health(record: Application, beside: Healths) -> str:
    found = beside[record.id]
    drawn = status(found.status, found.short or None)
    return f'<span title="{escape_text(found.reason)}">{drawn}</span>'


TABLE = Table(
    "applications",
    "applications.index",
    "applications",
    service.LISTING,
    (
        Column("display_name", "Name", _name, sort="display_name"),
        Column("health", "Health", _health),
        Column("slug", "Slug", lambda one, _: f"<code>{escape_text(one.slug)}</code>"),
        Column("kind", "Kind", lambda one, _: badge(one.kind)),
        Column("status", "Status", lambda one, _: status(one.status)),
        Column("domain", "Domain", lambda one, _: text(one.primary_domain)),
        Column("updated_at", "Changed", lambda one, _: time(one.updated_at), sort="updated_at"),
        Column("created_at", "Registered", lambda one, _: time(one.created_at), sort="created_at",
               is_shown=False),
    ),
    {
        "display_name": "Name",
        "oauth_client_id": "OAuth client",
        "app_id": "Made by app",
        "created": "Registered",
        "updated": "Changed",
        "id": "Id",
    },
)  # fmt: skip
