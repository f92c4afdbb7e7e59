"""Create and list tenants from the command line, as the owner; the app role only reads them."""

import re
from zoneinfo import available_timezones

from psycopg.errors import CheckViolation, StringDataRightTruncation, UniqueViolation

from portal.core.config import Config
from portal.database import app_role
from portal.identity.models import RESERVED_KEY_CODES
from portal.ops import migrate

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_]{0,39}")
SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
KEY_CODE = re.compile(r"[a-z0-9]{4}")


class TenantError(Exception):
    """The tenant cannot be created; the message gives the reason."""


def add(
    config: Config, tenant_id: str, name: str, slug: str, key_code: str, time_zone: str = "UTC"
) -> None:
    """Create a tenant. Raises `TenantError`."""
    _check(tenant_id, name, slug, key_code, time_zone)
    statement = (
        "INSERT INTO tenant (id, slug, name, key_code, time_zone) VALUES (%s, %s, %s, %s, %s)"
    )
    try:
        with app_role.connect(migrate.owner_url(config)) as connection:
            connection.execute(statement, (tenant_id, slug, name.strip(), key_code, time_zone))
    except UniqueViolation as error:
        taken = {"uq_tenant_slug": f"slug {slug}", "uq_tenant_key_code": f"key code {key_code}"}
        what = taken.get(error.diag.constraint_name or "", f"id {tenant_id}")
        raise TenantError(f"There is a tenant with the {what} already.") from None
    except (CheckViolation, StringDataRightTruncation) as error:
        raise TenantError(f"The database refuses it: {error.diag.message_primary}.") from None


def all_tenants(config: Config) -> list[tuple[str, str, str, str]]:
    """Return id, slug, key code and name of all tenants, sorted by slug."""
    statement = "SELECT id, slug, key_code, name FROM tenant ORDER BY slug"
    with app_role.connect(config.database_url) as connection:
        return [(str(a), str(b), str(c), str(d)) for a, b, c, d in connection.execute(statement)]


def _check(tenant_id: str, name: str, slug: str, key_code: str, time_zone: str) -> None:
    problems = {
        "ID is letters, digits and underscores, at most 40.": ID.fullmatch(tenant_id),
        "NAME is 1 to 200 characters.": 0 < len(name.strip()) <= 200 and name.isprintable(),
        "--slug is lower-case letters, digits and dashes.": SLUG.fullmatch(slug),
        "--key-code is exactly four of a-z and 0-9.": KEY_CODE.fullmatch(key_code),
        f"--key-code {key_code} would look like another vendor's key.": (
            key_code not in RESERVED_KEY_CODES
        ),
        f"--time-zone {time_zone} is not known.": time_zone in available_timezones(),
    }
    wrong = [sentence for sentence, fine in problems.items() if not fine]
    if wrong:
        raise TenantError("\n".join(wrong))
