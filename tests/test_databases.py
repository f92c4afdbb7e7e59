"""Test the tests' own databases: they are alike, separate and clean."""

import psycopg
import pytest

from portal.core.config import Config, libpq_url
from tests.databases import Database


def rows(url: str, query: str) -> list[tuple]:
    with psycopg.connect(libpq_url(url)) as connection:
        return connection.execute(query).fetchall()


def test_the_app_role_can_do_little(database: Database):
    [role] = rows(
        database.app_url,
        "SELECT current_user, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole,"
        " pg_has_role('portal_owner', 'MEMBER') FROM pg_roles WHERE rolname = current_user",
    )
    assert role == ("portal_app", False, False, False, False, False)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("statement_timeout", "5s"),
        ("lock_timeout", "2s"),
        ("idle_in_transaction_session_timeout", "15s"),
        ("listen_addresses", ""),
        ("server_encoding", "UTF8"),
        ("timezone", "UTC"),
    ],
)
def test_the_app_role_cannot_hold_things_up(database: Database, setting: str, value: str):
    assert rows(database.app_url, f"SHOW {setting}") == [(value,)]


def test_what_a_test_commits_is_swept(own_database: Database):
    owner = libpq_url(own_database.owner_url)
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (id int)")
        connection.execute("INSERT INTO kept VALUES (1)")
        connection.execute("CREATE TABLE parent (id int PRIMARY KEY)")
        connection.execute("CREATE TABLE child (id int REFERENCES parent)")
        own_database.remember()
        connection.execute("INSERT INTO parent VALUES (1)")
        connection.execute("INSERT INTO child VALUES (1)")
        connection.execute("ALTER TABLE child ENABLE ROW LEVEL SECURITY")
        connection.execute("ALTER TABLE child FORCE ROW LEVEL SECURITY")
        own_database.wipe()
        connection.execute("ALTER TABLE child NO FORCE ROW LEVEL SECURITY")
    found = "SELECT (SELECT count(*) FROM kept), (SELECT count(*) FROM parent), count(*) FROM child"
    assert rows(own_database.owner_url, found) == [(1, 0, 0)]


def test_the_settings_of_the_tests_name_their_database(config: Config, database: Database):
    assert config.database_url == database.app_url
    assert config.migration_database_url == database.owner_url
    assert not config.uses_embedded_database
