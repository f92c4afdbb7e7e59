"""The list of contacts as people see it."""

from collections.abc import Mapping

from portal.contacts import service
from portal.contacts.models import Contact
from portal.fast.template_calls import escape_text
from portal.web.drawing.cells import badge, short_id, tags, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table, text

Owners = Mapping[str, str]
"""The names of applications by their ids."""


def _name(record: Contact, owners: Owners) -> str:
    url, name = record_urls("contacts.show")(record.id), escape_text(record.name)
    return f'<a href="{url}">{name}</a><small>{short_id(record.id)}</small>'


def _application(record: Contact, owners: Owners) -> str:
    return text(owners.get(record.application_id or ""))


TABLE = Table(
    "contacts",
    "contacts.index",
    "contacts",
    service.LISTING,
    (
        Column("name", "Name", _name, sort="name"),
        Column("email", "Email", lambda one, _: text(one.email)),
        Column("team", "Team", lambda one, _: badge(one.team)),
        Column("application", "Application", _application),
        Column("tags", "Tags", lambda one, _: tags(one.tags, 2)),
        Column("updated_at", "Changed", lambda one, _: time(one.updated_at), sort="updated_at"),
        Column("created_at", "Added", lambda one, _: time(one.created_at), sort="created_at",
               is_shown=False),
    ),
    {"app_id": "Made by app", "created": "Added", "updated": "Changed", "id": "Id"},
)  # fmt: skip
