"""The list of connectors as people see it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from portal.applications.models import Application
from portal.connectors import service
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.fast.template_calls import escape_text
from portal.web.drawing.cells import number, short_id, status, tags, time
from portal.web.drawing.template_functions import absolute, iso, record_urls
from portal.web.lists import Column, Table

NONE = number(None)
EDITED = ("edit", "restore")


@dataclass(frozen=True, slots=True)
class Beside:
    """Data that the rows of connectors show beside their records.

    `explained` has the sentence, the standing and the health of each, and `face` draws a provider.
    """

    actor: Actor
    explained: Mapping[str, Any]
    owners: Mapping[str, Application]
    providers: Mapping[str, str]
    face: Callable[[str | None], str]


def _name(record: Connector, beside: Beside) -> str:
    url, name = record_urls("connectors.show")(record.id), escape_text(record.name)
    scope = f" · {record.scope}" if record.scope != "org" else ""
    face = beside.face(record.provider if record.is_open_to(beside.actor) else None)
    return f'{face}<a href="{url}">{name}</a><small>{short_id(record.id)}{scope}</small>'


def _provider(record: Connector, beside: Beside) -> str:
    if not record.provider:
        return NONE
    return escape_text(beside.providers.get(record.provider, record.provider))


def _health(record: Connector, beside: Beside) -> str:
    said, _, health = beside.explained[record.id]
    parts = _without(health.short or health.status, said.parts)
    shown = "".join([_part(part) for part in parts])
    return f"{status(health.status, health.short or None)}<small>{shown}</small>"


def _without(word: str, parts: Sequence[Any]) -> Sequence[Any]:
    """Return the parts of a sentence without the word that stands before it, as in “Works: …”."""
    lead, colon, rest = parts[0].partition(": ") if isinstance(parts[0], str) else ("", "", "")
    if not colon or lead.lower() != word.replace("_", " "):
        return parts
    return [rest[:1].upper() + rest[1:], *parts[1:]]


def _part(part: Any) -> str:
    if isinstance(part, str):
        return escape_text(part)
    if part.near:
        return time(part.at)
    title, text = absolute(part.at), escape_text(part.text)
    return f'<time datetime="{iso(part.at)}" title="{title}">{text}</time>'


def _next(record: Connector, beside: Beside) -> str:
    action = beside.explained[record.id][0].action
    if not action:
        return NONE
    label = escape_text(action.label)
    if action.doing not in EDITED or not beside.actor.can("connectors:write"):
        return f'<span class="mute">{label}</span>'
    page = "connectors.edit" if action.doing == "edit" else "connectors.show"
    return f'<a href="{record_urls(page)(record.id)}">{label}</a>'


def _checked(record: Connector, beside: Beside) -> str:
    standing = beside.explained[record.id][1]
    return time(standing.checked_at if standing else None)


def _application(record: Connector, beside: Beside) -> str:
    owner = beside.owners.get(record.application_id or "")
    return escape_text(owner.display_name) if owner else NONE


def _type(record: Connector, beside: Beside) -> str:
    if not record.type:
        return NONE
    return escape_text(record.type.replace("_", " "))


def _tags(record: Connector, beside: Beside) -> str:
    return tags(record.tags, 2)


KNOWN_COLUMNS = frozenset({"name", "health", "next", "updated_at", "created_at"})
"""The columns that an admin reads of a connector that is for others. All the rest is settings."""


def _of_open_ones(column: Column) -> Column:
    """Return the column without the cells of connectors that are closed to the reader."""
    if column.name in KNOWN_COLUMNS:
        return column

    def cell(record: Connector, beside: Beside) -> str:
        return column.cell(record, beside) if record.is_open_to(beside.actor) else NONE

    return replace(column, cell=cell)


COLUMNS = (
    Column("name", "Name", _name, sort="name"),
    Column("health", "Health", _health, sort="urgency", css="reason"),
    Column("provider", "Provider", _provider),
    Column("next", "Next", _next),
    Column("last_check_at", "Last check", _checked, sort="last_check_at"),
    Column("application", "Application", _application),
    Column("type", "Type", _type, is_shown=False),
    Column("tags", "Tags", _tags, is_shown=False),
    Column("updated_at", "Changed", lambda one, _: time(one.updated_at), sort="updated_at",
           is_shown=False),
    Column("created_at", "Created", lambda one, _: time(one.created_at), sort="created_at",
           is_shown=False),
)  # fmt: skip
TABLE = Table(
    "connectors",
    "connectors.index",
    "connectors",
    service.LISTING,
    tuple(_of_open_ones(column) for column in COLUMNS),
    {
        "sync_status": "State",
        "auth_type": "Sign-in",
        "webhook_endpoint_id": "Webhook",
        "user_id": "For person",
        "group_id": "For group",
        "app_id": "Made by app",
        "oauth_token_expires": "OAuth token expires",
        "credential_last_rotated": "Credentials changed",
        "next_rotation_due": "Rotation due",
        "updated": "Changed",
        "id": "Id",
    },
    whole_sort="-urgency",  # begins with what needs a person
    tally=service.TALLY,
)
