"""Check that row-level security is on, and applies to the role that the portal connects with."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from portal.core.config import Config, libpq_url
from portal.core.deadlines import connection_settings

log = structlog.stdlib.get_logger(__name__)

ROLE = """
SELECT current_user, rolsuper, rolbypassrls,
  EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
    AND pg_has_role(current_user, c.relowner, 'MEMBER')),
  (SELECT pg_has_role(current_user, datdba, 'MEMBER') FROM pg_database
    WHERE datname = current_database())
FROM pg_roles WHERE rolname = current_user
"""
WALLS = """
WITH policy AS (
  SELECT polrelid, polroles, polcmd, coalesce(
      pg_get_expr(polqual, polrelid) = ANY (%(of_tenant)s)
      AND pg_get_expr(polwithcheck, polrelid) = pg_get_expr(polqual, polrelid), false) AS divides,
    coalesce(pg_get_expr(polqual, polrelid) = ANY (%(of_secret)s) AND polcmd = 'r', false) AS finds
  FROM pg_policy WHERE polpermissive)
SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity
  AND EXISTS (SELECT FROM policy WHERE polrelid = c.oid AND divides AND polcmd = '*'
    AND polroles = '{0}')
  AND NOT EXISTS (SELECT FROM policy WHERE polrelid = c.oid AND NOT divides AND NOT finds
    AND EXISTS (SELECT FROM unnest(polroles) role WHERE role = 0
      OR role <> c.relowner AND pg_has_role(role, 'MEMBER')))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
AND a.attname = 'tenant_id' AND NOT a.attisdropped ORDER BY 1
"""
"""A table is divided if one policy does it and no other lets the portal's role see or write more.
The owner's policies are for the portal's functions."""

POLICIES = {
    "of_tenant": [
        "((tenant_id)::text = ( SELECT current_tenant() AS current_tenant))",
        "((tenant_id)::text = current_setting('app.tenant_id'::text, true))",
    ],
    "of_secret": [
        "((secret_hash)::text = ( SELECT current_credential() AS current_credential))",
        "(((sid_key)::text = ( SELECT current_credential() AS current_credential)) OR "
        "((subject_key)::text = ( SELECT current_credential() AS current_credential)))",
    ],
}
"""The conditions that `portal/migrations/tenancy.py` makes, in PostgreSQL's words."""

HIDDEN = """
SELECT DISTINCT c.relname FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid,
  (SELECT DISTINCT proowner FROM pg_proc JOIN pg_roles r ON r.oid = proowner
    WHERE pronamespace = 'public'::regnamespace AND prosecdef
    AND NOT rolsuper AND NOT rolbypassrls) functions
WHERE c.relnamespace = 'public'::regnamespace AND p.polname IN ('engine', 'credential')
AND NOT EXISTS (SELECT FROM unnest(p.polroles) role
  WHERE role = 0 OR pg_has_role(functions.proowner, role, 'USAGE')) ORDER BY 1
"""
"""The portal's functions read other tenants' rows by policies for their owner."""
OPEN_FUNCTIONS = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE pronamespace = 'public'::regnamespace AND prosecdef
AND proowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.tenant'))
AND has_function_privilege('public', oid, 'EXECUTE') ORDER BY 1
"""
"""The portal's functions that run as the owner of its tables, and that every role may call."""
NAMED = 5
REFUSALS = (psycopg.OperationalError, OperationalError)
"""A lock or a statement took too long, or the connection was lost."""
WAIT_SECONDS = 30.0


class DatabaseRoleError(Exception):
    """The portal must not run with this role. The message names the role that it needs."""


class DatabaseUnreachable(Exception):
    """The database did not answer in time."""


def problems(connection: "psycopg.Connection[tuple[object, ...]]") -> list[str]:
    """Return why the connection's role has too many rights, in sentences; empty if it has not."""
    row = connection.execute(ROLE).fetchone()
    assert row is not None  # noqa: S101  the current role is always in pg_roles
    role, superuser, bypasses, owns_tables, owns_database = row
    found = []
    if superuser:
        found.append(f"{role} is a superuser, for whom row-level security does not exist.")
    if bypasses and not superuser:
        found.append(f"{role} has BYPASSRLS, so that no tenant is separate from another.")
    if (owns_tables or owns_database) and not superuser:
        found.append(f"{role} owns the tables (or is a member of their owner) and could open them.")
    return found


def walls(connection: "psycopg.Connection[tuple[Any, ...]]") -> dict[str, bool]:
    """Return the tables with a `tenant_id`, and whether row-level security divides each."""
    return dict(connection.execute(WALLS, POLICIES).fetchall())


def open_tables(connection: "psycopg.Connection[tuple[Any, ...]]") -> str:
    """Return which tables are open to other tenants, in words; "" if none is."""
    found = walls(connection)
    bare = [table for table, stands in found.items() if not stands]
    if not bare:
        return ""
    return f"{len(bare)} of the {len(found)} tables with tenants' rows: {_named(bare)}"


def hidden_tables(connection: "psycopg.Connection[tuple[Any, ...]]") -> str:
    """Return of which tables the portal's functions see no row, in words; "" if of none.

    Then no key is found, no inbound address is known and no delivery is sent.
    """
    return _named([str(table) for (table,) in connection.execute(HIDDEN)])


def open_functions(connection: "psycopg.Connection[tuple[Any, ...]]") -> str:
    """Return which functions that read the rows of all tenants every role may call, in words; "" if
    none."""
    return _named([str(name) for (name,) in connection.execute(OPEN_FUNCTIONS)])


def _named(tables: Sequence[str]) -> str:
    return ", ".join(tables[:NAMED]) + (", …" if len(tables) > NAMED else "")


def check(config: Config, *, wait: float = WAIT_SECONDS) -> None:
    """Refuse to start with a role to which row-level security does not apply.

    Wait for a database that is still starting. Raise `DatabaseRoleError` or `DatabaseUnreachable`.
    """
    try:
        with connect(config.database_url, wait=wait) as connection:
            found = problems(connection)
    except DatabaseUnreachable as error:
        raise DatabaseUnreachable(
            f"PostgreSQL cannot be reached: {error}\nSee that it runs and that PORTAL_DATABASE_URL"
            " is right; `portal doctor` checks both."
        ) from error
    if found:
        raise DatabaseRoleError(
            "PORTAL_DATABASE_URL names a role that is too strong:\n"
            + "".join(f"  - {sentence}\n" for sentence in found)
            + "Use a role made with: "
            "CREATE ROLE portal_app LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD '…'"
        )


def connect(url: str, *, wait: float = 0) -> "psycopg.Connection[tuple[object, ...]]":
    """Return a plain connection. Retry for `wait` seconds while the server is unavailable."""
    deadline, told = time.monotonic() + wait, False
    while True:
        try:
            return psycopg.connect(libpq_url(url), **connection_settings("portal-check"))
        except psycopg.OperationalError as error:
            if time.monotonic() >= deadline:
                raise DatabaseUnreachable(reason(error)) from error
            if not told:
                log.warning("waiting for the database", seconds=wait, reason=reason(error))
                told = True
            time.sleep(0.5)


@contextmanager
def refusals_as(kind: Callable[[str], Exception], advice: str) -> Iterator[None]:
    """Raise `kind` with a sentence and the advice if the database ends what runs within."""
    try:
        yield
    except REFUSALS as error:
        raise kind(refusal(error, advice)) from error


def refusal(error: Exception, advice: str) -> str:
    """Return a sentence with the reason of one of the `REFUSALS`, and the advice."""
    return f"The database did not let it end: {reason(error)}. {advice}"


def reason(error: BaseException | None) -> str:
    """Return the first line of a database error. It may name host and port, never the password."""
    return str(getattr(error, "orig", error)).strip().partition("\n")[0]
