"""Render the rows of the list of keys in Python: a template would need five times as long."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from markupsafe import Markup
from sqlalchemy import literal_column, select
from sqlalchemy.dialects.postgresql import array

from portal import fast
from portal.applications.models import Application
from portal.fast.template_calls import escape_text
from portal.keys.models import ApiKey
from portal.keys.usage import health
from portal.web.drawing.cells import number, status, tags, time
from portal.web.drawing.template_functions import record_urls

# The name and status of the key's application, in one sub-select.
_APPLICATION = (
    select(array([Application.display_name, Application.status]))
    .where(Application.tenant_id == ApiKey.tenant_id, Application.id == ApiKey.application_id)
    .scalar_subquery()
)


class Line(NamedTuple):
    """The values of a key that the list shows, in the order of COLUMNS."""

    id: str
    name: str
    key_prefix: str
    last4: str
    application_id: str | None
    application: Sequence[str] | None
    scopes: list[str]
    created_by_user_id: str | None
    last_used_at: datetime | None
    spend_usd: Decimal
    expires_at: datetime | None
    status: str
    blocked: bool
    revoke_at: datetime | None
    blocked_reason: str | None
    created_at: datetime
    revoked_at: datetime | None
    revoked_reason: str | None
    brownout_from: datetime | None
    max_uses: int | None
    max_budget_usd: Decimal | None
    parent_key_id: str | None
    health: Any

    @property
    def fields(self) -> dict[str, Any]:
        """Return what the health is made of."""
        status = self.application[1] if self.application else None
        return {**self._asdict(), "application_status": status}


_BESIDE = {"application": _APPLICATION, "health": literal_column(health.FACTS)}
COLUMNS = tuple(
    (_BESIDE[name] if name in _BESIDE else getattr(ApiKey, name)).label(name)
    for name in Line._fields
)


def drawn(
    keys: Iterable[tuple[object, ...]], makers: Mapping[str, str], *, tick: bool
) -> dict[str, Any]:
    """Return what the template of the list needs: its `lines`, or what it draws them from.

    `makers` are the names of people by id; `tick` puts a checkbox in front of each row.
    """
    rows = [Line(*row[: len(Line._fields)]) for row in keys]  # type: ignore[arg-type]
    if fast.uses("lines"):
        return {"lines": _lines(rows, makers, tick)}
    return {
        "lines": None,
        "rows": rows,
        "makers": makers,
        "tick": tick,
        "standing": lambda key: Markup(_standing(key)),  # noqa: S704 - markup of `status`
    }


def _lines(keys: Iterable[Line], makers: Mapping[str, str], tick: bool) -> Markup:
    key_url, application_url = record_urls("keys.show"), record_urls("applications.show")
    found = []
    for key in keys:
        name = escape_text(key.name)
        application = '<span class="mute">whole tenant</span>'
        if key.application_id:
            named = escape_text(key.application[0] if key.application else key.application_id)
            application = f'<a href="{application_url(key.application_id)}">{named}</a>'
        found.append(
            f"<tr>{_box(key, name) if tick else ''}"
            f'<th scope="row" data-label="Name"><a href="{key_url(key.id)}">{name}</a>'
            f"<small>{key.key_prefix}…{key.last4}</small></th>"
            f'<td data-label="Application">{application}</td>'
            f'<td data-label="Scopes">{tags(key.scopes, 1)}</td>'
            f'<td data-label="Made by">{_maker(key, makers)}</td>'
            f'<td class="fit" data-label="Last used">{time(key.last_used_at)}</td>'
            f'<td class="fit num" data-label="Spent">{_spent(key)}</td>'
            f'<td class="fit" data-label="Expires">{time(key.expires_at)}</td>'
            f'<td data-label="Health">{_standing(key)}</td></tr>\n'
        )
    return Markup("".join(found))  # noqa: S704 - every text from data is escaped above


def _box(key: Line, name: str) -> str:
    if key.status == "revoked":
        return '<td class="fit"></td>'
    return (
        f'<td class="fit"><input type="checkbox" name="id" value="{key.id}" form="bulk"'
        f' aria-label="Choose {name}"></td>'
    )


def _maker(key: Line, makers: Mapping[str, str]) -> str:
    if key.created_by_user_id is None:
        return "a program"
    return escape_text(makers.get(key.created_by_user_id, "somebody gone"))


def _spent(key: Line) -> str:
    return f"${key.spend_usd:,.2f}" if key.spend_usd else number(None)


def _standing(key: Line) -> str:
    found = health.health(key.fields, key.health)
    return status(found.status, found.short or None)
