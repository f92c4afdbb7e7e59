"""Compare the SQL functions and triggers of migrated databases with their files."""

from pathlib import Path

import psycopg
import pytest

from portal import migrations
from portal.core.config import libpq_url
from portal.ops import migrate
from tests.databases import Database
from tests.migrations.oldest_release import restored

FILES = {
    path.stem: path.read_text() for path in Path(migrations.DIRECTORY, "functions").glob("*/*.sql")
}
DEFINITIONS = """
SELECT proname, pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL
SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger
WHERE NOT tgisinternal AND tgparentid = 0
"""


@pytest.fixture(params=["an empty database", "one of the oldest release"])
def migrated(request: pytest.FixtureRequest, empty_database: Database) -> Database:
    if request.param == "one of the oldest release":
        restored(empty_database)
    migrate.upgrade(empty_database.owner_url)
    return empty_database


def definitions(connection: psycopg.Connection) -> dict[str, str]:
    rows = connection.execute(DEFINITIONS).fetchall()
    found = dict(rows)
    assert len(found) == len(rows), "two functions have one name"
    return found


def test_each_function_is_what_its_file_says(migrated: Database) -> None:
    with psycopg.connect(libpq_url(migrated.owner_url)) as connection:
        installed = definitions(connection)
        assert set(installed) == set(FILES)
        for text in FILES.values():
            connection.execute(text)
        assert definitions(connection) == installed
        connection.rollback()


@pytest.mark.parametrize("name", FILES)
def test_each_file_begins_with_its_promise_and_its_locks(name: str) -> None:
    head = FILES[name].partition("\nCREATE ")[0].splitlines()
    assert all(line.startswith(("-- ", "DROP ")) for line in head)
    assert any(line.startswith("-- Locks") for line in head)
