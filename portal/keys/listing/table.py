"""The list of keys as people see it."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import literal_column, select
from sqlalchemy.dialects.postgresql import array

from portal.applications.models import Application
from portal.fast.template_calls import escape_text
from portal.identity.models import Person
from portal.keys.listing import filters
from portal.keys.models import ApiKey
from portal.keys.usage import health
from portal.records.health import Health
from portal.web.drawing.cells import badge, number, status, tags, time
from portal.web.drawing.template_functions import record_urls
from portal.web.lists import Column, Table

# The name and status of the key's application, in one sub-select.
_APPLICATION = (
    select(array([Application.display_name, Application.status]))
    .where(Application.tenant_id == ApiKey.tenant_id, Application.id == ApiKey.application_id)
    .scalar_subquery()
)


_MAKER = (
    select(Person.name)
    .where(Person.tenant_id == ApiKey.tenant_id, Person.id == ApiKey.created_by_user_id)
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
    maker: str | None
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
    kind: str
    health: Any

    @property
    def judged(self) -> Health:
        """Return the health of the key, without a dictionary for each of the many that are well."""
        of_application = self.application[1] if self.application else None
        ends = (self.expires_at, self.revoke_at)
        if health.is_plainly_well(
            self.status, self.blocked, self.last_used_at, ends, of_application, self.health
        ):
            return health.WORKS
        return health.health({**self._asdict(), "application_status": of_application}, self.health)


_BESIDE = {"application": _APPLICATION, "maker": _MAKER, "health": literal_column(health.FACTS)}
COLUMNS = tuple(
    (_BESIDE[name] if name in _BESIDE else getattr(ApiKey, name)).label(name)
    for name in Line._fields
)


def _name(key: Line, beside: object) -> str:
    url, name = record_urls("keys.show")(key.id), escape_text(key.name)
    return f'<a href="{url}">{name}</a><small>{key.key_prefix}…{key.last4}</small>'


def _application(key: Line, beside: object) -> str:
    if not key.application_id:
        return '<span class="mute">whole tenant</span>'
    named = escape_text(key.application[0] if key.application else key.application_id)
    return f'<a href="{record_urls("applications.show")(key.application_id)}">{named}</a>'


def _maker(key: Line, beside: object) -> str:
    if key.created_by_user_id is None:
        return "a program"
    return escape_text(key.maker or "somebody gone")


def _spent(key: Line, beside: object) -> str:
    return f"${key.spend_usd:,.2f}" if key.spend_usd else number(None)


def _health(key: Line, beside: object) -> str:
    found = key.judged
    return status(found.status, found.short or None)


def may_be_selected(key: Line) -> bool:
    """Tell whether a key can be selected: nothing can be done to a revoked one."""
    return key.status != "revoked"


TABLE = Table(
    "api-keys",
    "keys.index",
    "keys",
    filters.CONSOLE,
    (
        Column("name", "Name", _name, sort="name"),
        Column("health", "Health", _health),
        Column("application", "Application", _application),
        Column("scopes", "Scopes", lambda key, _: tags(key.scopes, 1)),
        Column("made_by", "Made by", _maker),
        Column("last_used_at", "Last used", lambda key, _: time(key.last_used_at),
               sort="last_used_at", css="fit"),
        Column("spend_usd", "Spent", _spent, sort="spend_usd", css="fit num"),
        Column("expires_at", "Expires", lambda key, _: time(key.expires_at),
               sort="expires_at", css="fit"),
        Column("kind", "Kind", lambda key, _: badge(key.kind.replace("_", " ")), is_shown=False),
        Column("status", "Status", lambda key, _: status(key.status), is_shown=False),
        Column("created_at", "Issued", lambda key, _: time(key.created_at), sort="created_at",
               css="fit", is_shown=False),
    ),
    {
        "created_by_user_id": "Made by",
        "issued_to_user_id": "Issued to person",
        "issued_to_service": "Issued to service",
        "rotated_from_key_id": "Successor of",
        "key_fingerprint": "Fingerprint",
        "key_prefix": "Beginning of the key",
        "app_id": "Made by app",
        "created": "Issued",
        "updated": "Changed",
        "last_used": "Last used",
        "revoke": "Planned revocation",
        "brownout_from": "Brown-out from",
        "id": "Id",
    },
    tally=health.TALLY,
)  # fmt: skip
