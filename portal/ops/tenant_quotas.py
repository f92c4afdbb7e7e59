"""Set and show a tenant's limits from the command line.

It connects as the owner, because the portal's role only reads the limits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portal.core.config import Config
from portal.database import app_role
from portal.ops import migrate
from portal.records.quotas.limits import BY_NAME, QUOTAS

ENTER = "SELECT set_config('app.tenant_id', %s, true)"
SET = """
INSERT INTO tenant_quota (tenant_id, name, value) VALUES (%s, %s, %s)
ON CONFLICT (tenant_id, name) DO UPDATE SET value = excluded.value, changed_at = now()
"""
FORGET = "DELETE FROM tenant_quota WHERE tenant_id = %s AND name = %s"


class QuotaError(Exception):
    """The limits cannot be set; the message gives the reason."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One limit of a tenant, and whether it differs from the default."""

    name: str
    value: int
    is_own: bool


def settings_of(
    config: Config, tenant_id: str, changes: Mapping[str, int], defaults: Sequence[str] = ()
) -> list[Setting]:
    """Set some limits, reset others to the default, and return all. Raises QuotaError."""
    _check(changes, defaults)
    with app_role.connect(migrate.owner_url(config)) as connection:
        connection.execute(ENTER, (tenant_id,))
        if not connection.execute("SELECT FROM tenant WHERE id = %s", (tenant_id,)).rowcount:
            raise QuotaError(f"There is no tenant {tenant_id}. portal tenant list shows them.")
        for name, value in changes.items():
            connection.execute(SET, (tenant_id, name, value))
        for name in defaults:
            connection.execute(FORGET, (tenant_id, name))
        query = "SELECT name, value FROM tenant_quota WHERE tenant_id = %s"
        own = {
            str(name): int(str(value)) for name, value in connection.execute(query, (tenant_id,))
        }
    return [Setting(q.name, own.get(q.name, q.default), q.name in own) for q in QUOTAS]


def _check(changes: Mapping[str, int], defaults: Sequence[str]) -> None:
    wrong = [
        f"{BY_NAME[name].option} is 1 to {BY_NAME[name].most:,}; {value:,} is not."
        for name, value in changes.items()
        if not 1 <= value <= BY_NAME[name].most
    ]
    wrong += [
        f"{BY_NAME[name].option} is given, and --default {name} too: which of them?"
        for name in defaults
        if name in changes
    ]
    if wrong:
        raise QuotaError("\n".join(wrong))
