"""Test row-level security over the whole catalog: a new table cannot lack it."""

import secrets
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from portal.core.config import libpq_url
from portal.database import app_role
from tests.databases import Database

OWN = "tenant_id = (SELECT current_tenant())"
LOOSE = f"{OWN} OR current_tenant() IS NULL"


@pytest.fixture
def owner(database: Database) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(libpq_url(database.owner_url), autocommit=True) as connection:
        yield connection


@pytest.fixture
def portal(database: Database) -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection with the role of the portal."""
    with psycopg.connect(libpq_url(database.app_url), autocommit=True) as connection:
        yield connection


def column(connection: psycopg.Connection[Any], query: str, *values: Any) -> list[Any]:
    return [row[0] for row in connection.execute(query, values)]


def test_every_tenant_table_has_the_wall_in_both_directions(
    owner: psycopg.Connection[Any],
) -> None:
    walls = app_role.walls(owner)
    assert {"application", "audit_entry", "search_term"} <= set(walls)
    bare = [table for table, stands in walls.items() if not stands]
    assert not bare, f"create {bare} with record_table or tenant_table of portal/migrations"


@pytest.mark.parametrize(
    "harm",
    [
        "ALTER TABLE application DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE application NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON application",
        "ALTER POLICY tenant ON application USING (true)",
        "ALTER POLICY tenant ON application WITH CHECK (true)",
        f"ALTER POLICY tenant ON application USING ({OWN} OR true) WITH CHECK ({OWN} OR true)",
        f"ALTER POLICY tenant ON application USING ({LOOSE}) WITH CHECK ({LOOSE})",
        "ALTER POLICY tenant ON application TO portal_owner",
        "CREATE POLICY support ON application USING (true) WITH CHECK (true)",
        "CREATE POLICY support ON application FOR SELECT TO portal_app USING (true)",
        "CREATE POLICY support ON application FOR DELETE TO pg_monitor, portal_app USING (true)",
        "CREATE POLICY credential ON application FOR SELECT USING (true)",
        "ALTER POLICY engine ON application TO PUBLIC",
    ],
)
def test_a_wall_that_somebody_opened_is_found(own_database: Database, harm: str) -> None:
    own_database.sql(harm)
    with psycopg.connect(libpq_url(own_database.app_url)) as portal:
        walls = app_role.walls(portal)
    assert [table for table, stands in walls.items() if not stands] == ["application"]


@pytest.mark.parametrize(
    "change",
    [
        "CREATE POLICY report ON application FOR SELECT TO pg_monitor USING (true)",
        "CREATE POLICY fewer ON application AS RESTRICTIVE USING (NOT is_deleted)",
    ],
)
def test_a_policy_that_opens_nothing_to_the_portal_is_no_fault(
    own_database: Database, change: str
) -> None:
    own_database.sql(change)
    with psycopg.connect(libpq_url(own_database.app_url)) as portal:
        assert app_role.open_tables(portal) == ""


def test_a_policy_for_a_role_that_the_portal_is_in_opens_a_table(own_database: Database) -> None:
    role = f"support_{secrets.token_hex(4)}"
    own_database.sql(f"CREATE ROLE {role} ROLE portal_app")
    try:
        own_database.sql(f"CREATE POLICY support ON application TO {role} USING (true)")
        with psycopg.connect(libpq_url(own_database.app_url)) as portal:
            assert app_role.open_tables(portal).endswith("tables with tenants' rows: application")
    finally:
        own_database.sql(f"DROP OWNED BY {role}")
        own_database.sql(f"DROP ROLE {role}")


def test_every_tenant_table_is_keyed_by_the_tenant_first(
    owner: psycopg.Connection[Any],
) -> None:
    first_columns = owner.execute(
        """SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indisprimary AND c.relnamespace = 'public'::regnamespace"""
    ).fetchall()
    keyed = {table for table, name in first_columns if name == "tenant_id"}
    assert set(app_role.walls(owner)) - keyed == set()


def test_every_reference_between_tenants_rows_carries_the_tenant(
    owner: psycopg.Connection[Any],
) -> None:
    loose = column(
        owner,
        """SELECT k.conname FROM pg_constraint k
        WHERE k.contype = 'f' AND k.confrelid <> 'tenant'::regclass
        AND NOT EXISTS (SELECT 1 FROM unnest(k.conkey) n JOIN pg_attribute a
            ON a.attrelid = k.conrelid AND a.attnum = n AND a.attname = 'tenant_id')""",
    )
    assert loose == []


def test_the_portals_role_is_ordinary_and_owns_nothing(
    portal: psycopg.Connection[Any], owner: psycopg.Connection[Any]
) -> None:
    role = portal.execute(
        "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole FROM pg_roles"
        " WHERE rolname = current_user"
    ).fetchone()
    assert role == ("portal_app", False, False, False)
    owned = "SELECT relname FROM pg_class WHERE relowner = 'portal_app'::regrole"
    assert column(owner, owned) == []
    assert column(owner, "SELECT 1 WHERE pg_has_role('portal_app', 'portal_owner', 'member')") == []


def test_every_function_of_a_policy_keeps_the_indexes(owner: psycopg.Connection[Any]) -> None:
    volatile = column(
        owner,
        """SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
        AND proname LIKE 'current%%' AND provolatile = 'v'""",
    )
    assert volatile == []


def test_nothing_of_a_superuser_is_lent_to_the_portal(owner: psycopg.Connection[Any]) -> None:
    lent = column(
        owner,
        """SELECT proname FROM pg_proc JOIN pg_roles r ON r.oid = proowner
        WHERE pronamespace = 'public'::regnamespace AND prosecdef AND r.rolsuper
        UNION SELECT relname FROM pg_class JOIN pg_roles r ON r.oid = relowner
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('v', 'm') AND r.rolsuper""",
    )
    assert lent == []


def test_only_the_portal_calls_what_runs_as_the_owner(owner: psycopg.Connection[Any]) -> None:
    of_all = """SELECT oid::regprocedure::text FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prosecdef"""
    assert len(column(owner, of_all)) > 30
    assert column(owner, f"{of_all} AND has_function_privilege('public', oid, 'EXECUTE')") == []


def test_raw_sql_sees_no_row_without_a_tenant_and_only_its_own_with_one(
    portal: psycopg.Connection[Any], owner: psycopg.Connection[Any], ada: Any, gus: Any
) -> None:
    ada.create("applications", display_name="Acme's")
    gus.create("applications", display_name="Globex's")
    seen_without = {t: column(portal, f"SELECT 1 FROM {t}") for t in readable(portal)}
    assert all(rows == [] for rows in seen_without.values()), seen_without
    with portal.transaction():
        portal.execute("SELECT set_config('app.tenant_id', %s, true)", [ada_tenant()])
        for table in readable(portal):
            tenants = set(column(portal, f"SELECT tenant_id FROM {table}"))
            assert tenants <= {ada_tenant()}, table
        assert column(portal, "SELECT display_name FROM application") == ["Acme's"]


def readable(portal: psycopg.Connection[Any]) -> list[str]:
    may = "SELECT has_table_privilege(%s, 'SELECT')"
    return [table for table in app_role.walls(portal) if column(portal, may, table) == [True]]


def ada_tenant() -> str:
    from portal_devtools.identity_provider.people import ACME

    return ACME


def test_raw_sql_cannot_write_for_another_tenant(
    portal: psycopg.Connection[Any], ada: Any, gus: Any
) -> None:
    theirs = gus.create("applications")
    with portal.transaction():
        portal.execute("SELECT set_config('app.tenant_id', %s, true)", [ada_tenant()])
        moved = portal.execute("UPDATE application SET slug = 'x' WHERE id = %s", [theirs["id"]])
        assert moved.rowcount == 0
        with pytest.raises(InsufficientPrivilege):
            portal.execute(
                "INSERT INTO application (tenant_id, id, display_name, slug, version)"
                " VALUES (%s, 'app_x', 'x', 'x', 1)",
                [theirs["tenant_id"]],
            )


def test_the_audit_trail_can_be_added_to_and_not_altered(
    portal: psycopg.Connection[Any], ada: Any
) -> None:
    ada.create("applications")
    for statement in ("UPDATE audit_entry SET actor_id = 'x'", "DELETE FROM audit_entry"):
        with pytest.raises(InsufficientPrivilege):
            portal.execute(statement)


def test_a_setting_does_not_outlive_its_transaction_on_a_pooled_connection(
    portal: psycopg.Connection[Any], ada: Any
) -> None:
    ada.create("applications")
    with portal.transaction():
        portal.execute("SELECT set_config('app.tenant_id', %s, true)", [ada_tenant()])
        assert column(portal, "SELECT count(*) FROM application") == [1]
    assert column(portal, "SELECT count(*) FROM application") == [0]
