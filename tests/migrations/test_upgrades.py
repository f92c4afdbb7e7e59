"""Upgrade a running portal from the oldest release, without refused requests, even after kills."""

import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from portal import create_app, migrations
from portal.core.config import Config, libpq_url
from portal.database.session import db
from portal.ops import migrate
from tests.cast import ADA, Api, Provider
from tests.databases import Database, fresh_database
from tests.migrations.oldest_release import Traffic, contents, lived_in, schema
from tests.thorough import IS_PROOF, some, times

pytestmark = [pytest.mark.proof, pytest.mark.timeout(1200)]

DELIVERIES = 500_000 if IS_PROOF else 30_000
TABLES = "delivery_attempt, delivery, event, webhook, api_key, key_window, application"
# The migrating processes, and the sessions that block them.
WAITING = """
SELECT pid FROM pg_stat_activity
WHERE application_name = 'portal-migrate' AND %s = ANY (pg_blocking_pids(pid))
"""


@pytest.fixture(scope="module")
def newest() -> Iterator[list[str]]:
    """Yield the schema of an empty database that was migrated."""
    with fresh_database(f"test_newest_{secrets.token_hex(4)}") as database:
        yield schema(database)


@pytest.fixture
def migrating(tmp_path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Yield `migrating(database)`, which starts `portal migrate` in a separate process."""
    started: list[subprocess.Popen[str]] = []

    def start(database: Database) -> "subprocess.Popen[str]":
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "portal.ops.cli", "migrate"],
                env={
                    "PORTAL_DATA_DIR": str(tmp_path),
                    "PORTAL_DATABASE_URL": database.app_url,
                    "PORTAL_MIGRATION_DATABASE_URL": database.owner_url,
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@contextmanager
def session(database: Database) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        yield connection


def waiter(connection: "psycopg.Connection[tuple[Any, ...]]", holder: int) -> Any:
    """Return the id of the migrating process that waits for `holder`, as soon as there is one."""
    return until(lambda: connection.execute(WAITING, (holder,)).fetchone())[0]


def until(condition: Callable[[], Any]) -> Any:
    """Wait until the condition returns a true value, and return that value."""
    while not (found := condition()):
        time.sleep(0.005)
    return found


def test_an_upgrade_under_traffic_turns_nobody_away(
    empty_database: Database,
    migrating: Callable[..., "subprocess.Popen[str]"],
    newest: list[str],
    make_config: Callable[..., Config],
    token_provider: Provider,
) -> None:
    lived_in(empty_database, DELIVERIES)
    with session(empty_database) as watch, session(empty_database) as report:
        # A long-running report blocks at least two tries.
        report.execute("BEGIN")
        for table in TABLES.split(", "):
            report.execute(f"SELECT FROM {table} LIMIT 1")
        blocked: set[int] = set()

        def tried_twice() -> bool:
            blocked.update(pid for (pid,) in watch.execute(WAITING, (report.info.backend_pid,)))
            return len(blocked) >= 2

        with Traffic(empty_database) as traffic:
            process = migrating(empty_database)
            until(lambda: tried_twice() or process.poll() is not None)
            report.execute("COMMIT")
            output, _ = process.communicate()
            done = traffic.done
            until(lambda: traffic.done > done + 100 or traffic.failures)
    assert output == f"Migrated the database from 0030 to {migrations.head()}.\n"
    assert len(blocked) >= 2
    assert traffic.failures == []
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    assert empty_database.sql(deadlocks) == 0
    assert schema(empty_database) == newest
    attempts = empty_database.sql("SELECT count(*) FROM delivery_attempt")
    assert attempts == DELIVERIES + len(traffic.attempts)
    assert set(traffic.attempts) <= ids(empty_database)

    assert_the_portal_shows_them(empty_database, make_config, token_provider)


def assert_the_portal_shows_them(
    database: Database, make_config: Callable[..., Config], token_provider: Provider
) -> None:
    app = create_app(
        make_config(
            PORTAL_DATABASE_URL=database.app_url,
            PORTAL_MIGRATION_DATABASE_URL=database.owner_url,
        )
    )
    try:
        ada = Api(app.test_client(), token_provider.token(ADA))
        assert ada.client.get("/readyz").text.startswith("ok")
        answer = ada.get("/webhooks/whk_1/deliveries?limit=200")
        assert len((answer.json or {})["items"]) == 200
    finally:
        app.extensions["keys"].end()
        with app.app_context():
            db.engine.dispose()


def ids(database: Database) -> set[str]:
    with session(database) as connection:
        return {id for (id,) in connection.execute("SELECT id FROM delivery_attempt")}


# --- killed, and run again ------------------------------------------------------------------------

# Stop the session that changes the schema for the `at`-th time, or moves the `at`-th batch of
# attempts, for as long as the test holds lock 7.
STOP = """
CREATE SCHEMA stops;
CREATE SEQUENCE stops.changes;
CREATE SEQUENCE stops.batches;
CREATE FUNCTION stops.change() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
SET lock_timeout = 0 AS $$ BEGIN
    IF nextval('stops.changes') = {change} THEN PERFORM pg_advisory_xact_lock(7); END IF;
END $$;
CREATE FUNCTION stops.batch() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET lock_timeout = 0 AS $$ BEGIN
    IF nextval('stops.batches') = {batch} THEN PERFORM pg_advisory_xact_lock(7); END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER stop AFTER DELETE ON delivery_attempt EXECUTE FUNCTION stops.batch();
CREATE EVENT TRIGGER stop ON ddl_command_start EXECUTE FUNCTION stops.change();
"""
GO_ON = "DROP EVENT TRIGGER IF EXISTS stop; DROP SCHEMA IF EXISTS stops CASCADE"
KILLS = times(1)


@pytest.fixture(scope="module")
def month() -> Iterator[Database]:
    """Yield a database with a month of history of the oldest release, as a template."""
    name = f"test_month_{secrets.token_hex(4)}"
    with fresh_database(name, migrated=False) as database:
        lived_in(database, 25_000)
        yield database


@pytest.fixture
def old(month: Database) -> Iterator[Database]:
    with fresh_database(f"test_old_{secrets.token_hex(4)}", like=month) as database:
        yield database


@pytest.fixture(scope="module")
def changes(month: Database) -> int:
    """Return the number of statements of an upgrade that change the schema."""
    with fresh_database(f"test_count_{secrets.token_hex(4)}", like=month) as database:
        database.sql(STOP.format(change=0, batch=0))
        migrate.upgrade(database.owner_url)
        return int(database.sql("SELECT last_value FROM stops.changes"))


def kill_at(
    database: Database,
    migrating: Callable[..., "subprocess.Popen[str]"],
    *,
    change: int = 0,
    batch: int = 0,
    server_goes_on: bool,
) -> None:
    """Kill `portal migrate` during a statement, which PostgreSQL then finishes or aborts."""
    database.sql(STOP.format(change=change, batch=batch))
    with session(database) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        process = migrating(database)
        stopped = waiter(connection, connection.info.backend_pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if server_goes_on:
            connection.execute("SELECT pg_advisory_unlock(7)")
        else:
            connection.execute("SELECT pg_terminate_backend(%s)", (stopped,))
        # GO_ON and an index that is created concurrently would wait for each other.
        lives = "SELECT FROM pg_stat_activity WHERE pid = %s"
        until(lambda: not connection.execute(lives, (stopped,)).fetchall())
    database.sql(GO_ON)


def assert_it_goes_on(
    database: Database, migrating: Callable[..., "subprocess.Popen[str]"], newest: list[str]
) -> None:
    output, _ = migrating(database).communicate()
    assert output.endswith(f" to {migrations.head()}.\n"), output
    assert schema(database) == newest


@pytest.mark.parametrize("kill", range(KILLS))
def test_a_migration_that_was_killed_is_run_again(
    kill: int,
    old: Database,
    changes: int,
    migrating: Callable[..., "subprocess.Popen[str]"],
    newest: list[str],
) -> None:
    before = contents(old)
    at = 1 + (2 * kill + 1) * changes // (2 * KILLS)
    kill_at(old, migrating, change=at, server_goes_on=kill % 2 == 0)
    assert contents(old) == before
    assert_it_goes_on(old, migrating, newest)
    assert contents(old) == before


@pytest.mark.parametrize("batch", some([2, 1], 2))
def test_a_batch_that_was_killed_is_moved_again(
    batch: int,
    old: Database,
    migrating: Callable[..., "subprocess.Popen[str]"],
    newest: list[str],
) -> None:
    before = contents(old)
    kill_at(old, migrating, batch=batch, server_goes_on=batch == 1)
    assert old.sql("SELECT count(*) > 0 FROM delivery_attempt_rest") == (batch == 2)
    assert contents(old) == before
    assert_it_goes_on(old, migrating, newest)
    assert contents(old) == before


def test_an_index_that_was_killed_is_made_again(
    old: Database, migrating: Callable[..., "subprocess.Popen[str]"], newest: list[str]
) -> None:
    kill_at_the_index(old, migrating)
    assert old.sql("SELECT count(*) FROM pg_index WHERE NOT indisvalid") == 1
    assert_it_goes_on(old, migrating, newest)


def kill_at_the_index(
    database: Database, migrating: Callable[..., "subprocess.Popen[str]"]
) -> None:
    """Kill `portal migrate` while it creates an index, after it has proved where the rows fit."""
    with session(database) as reader, session(database) as watch:
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT FROM webhook_subscription")  # a table that no migration locks
        process = migrating(database)
        stopped = waiter(watch, reader.info.backend_pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        watch.execute("SELECT pg_terminate_backend(%s, 10000)", (stopped,))


# Make it look as if the killed run happened five days ago: its constraint covers the rows of that
# time, and later rows are in the table that the portal writes to.
DAYS_AGO = """
DO $$ DECLARE
    proof text := (SELECT conname FROM pg_constraint WHERE conname LIKE 'until%');
    low text := ulid_floor('att', date_trunc('day', now(), 'UTC') - interval '4 days');
BEGIN
    EXECUTE format('ALTER TABLE delivery_attempt_before DROP CONSTRAINT %I', proof);
    WITH moved AS (DELETE FROM delivery_attempt_before WHERE id >= low RETURNING *)
        INSERT INTO delivery_attempt SELECT * FROM moved;
    EXECUTE format(
        'ALTER TABLE delivery_attempt_before ADD CONSTRAINT %I CHECK (id < %L)',
        to_char(now() AT TIME ZONE 'UTC' - interval '5 days', '"until_"YYYYMMDD'), low);
END $$
"""


@pytest.mark.proof(only=True)
def test_a_migration_that_was_killed_goes_on_days_later(
    old: Database, migrating: Callable[..., "subprocess.Popen[str]"], newest: list[str]
) -> None:
    before = contents(old)
    kill_at_the_index(old, migrating)
    old.sql(DAYS_AGO)
    assert old.sql("SELECT count(*) FROM ONLY delivery_attempt") > 1000
    assert contents(old) == before
    assert_it_goes_on(old, migrating, newest)
    assert contents(old) == before


def test_a_lost_connection_is_a_sentence_and_what_is_done_stays(
    old: Database, migrating: Callable[..., "subprocess.Popen[str]"], newest: list[str]
) -> None:
    old.sql(STOP.format(change=0, batch=1))
    with session(old) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        process = migrating(old)
        stopped = waiter(connection, connection.info.backend_pid)
        connection.execute("SELECT pg_terminate_backend(%s)", (stopped,))
        output, _ = process.communicate()
    assert output.startswith("Error: The connection to PostgreSQL was lost: terminating connection")
    assert "Run portal migrate again.\n" in output
    assert f"The database is at 0030 of {migrations.head()}. Finished steps are kept" in output
    assert "Traceback" not in output
    old.sql(GO_ON)
    assert_it_goes_on(old, migrating, newest)


# --- two migrations at once
# ------------------------------------------------------------------------


def test_two_that_migrate_take_turns(
    old: Database, migrating: Callable[..., "subprocess.Popen[str]"]
) -> None:
    old.sql(STOP.format(change=30, batch=0))
    with session(old) as connection:
        connection.execute("SELECT pg_advisory_lock(7)")
        first = migrating(old)
        waiter(connection, connection.info.backend_pid)
        second = migrating(old)
        assert second.stdout
        assert second.stdout.readline().startswith("Another portal migrate is running.")
    assert first.communicate()[0] == f"Migrated the database from 0030 to {migrations.head()}.\n"
    assert second.communicate()[0] == f"Migrated the database from 0030 to {migrations.head()}.\n"


def test_who_is_in_the_way_is_named_and_nothing_is_half_done(old: Database) -> None:
    before = contents(old)
    with session(old) as report:
        holder = report.info.backend_pid
        report.execute("SET application_name = 'a report'")
        report.execute("BEGIN")
        report.execute("SELECT FROM delivery_attempt LIMIT 1")
        with pytest.raises(migrate.MigrationError) as error:
            migrate.upgrade(old.owner_url, patience=0)
    words = str(error.value)
    assert "delivery_attempt is in use by process " in words
    assert f"process {holder} (postgres, a report" in words
    assert f"The database is at 0030 of {migrations.head()}." in words
    assert contents(old) == before
    assert migrate.upgrade(old.owner_url) == migrations.head()
    assert contents(old) == before
