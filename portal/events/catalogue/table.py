"""The list of event types as people see it."""

from portal.events.catalogue import event_types
from portal.events.models import EventType
from portal.fast.template_calls import escape_text
from portal.web.drawing.cells import badge, number, status, tags, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table, text


def _name(record: EventType, beside: object) -> str:
    url = record_urls("event_types.show")(record.id)
    return f'<a href="{url}">{escape_text(record.name)}</a>'


def _schema(record: EventType, beside: object) -> str:
    if not record.json_schema:
        return number(None)
    checked = record.validation == "reject"
    return badge("validated" if checked else "described", "ok" if checked else None)


def _status(record: EventType, beside: object) -> str:
    return status("deprecated" if record.deprecated else "active",
                  "deprecated" if record.deprecated else "in use")  # fmt: skip


TABLE = Table(
    "event-types",
    "event_types.index",
    "event types",
    event_types.LISTING,
    (
        Column("name", "Name", _name, sort="name"),
        Column("status", "Status", _status),
        Column("display_name", "Title", lambda one, _: text(one.display_name)),
        Column("schema", "Schema", _schema),
        Column("updated_at", "Changed", lambda one, _: time(one.updated_at), sort="updated_at"),
        Column("tags", "Tags", lambda one, _: tags(one.tags, 2), is_shown=False),
        Column("created_at", "Described", lambda one, _: time(one.created_at), sort="created_at",
               is_shown=False),
    ),
    {
        "display_name": "Title",
        "validation": "Checked",
        "app_id": "Made by app",
        "updated": "Changed",
        "created": "Described",
        "id": "Id",
    },
)  # fmt: skip
