"""Create databases for tests: copies of one migrated template, emptied between two tests."""

import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from portal.core import embedded_urls
from portal.core.config import libpq_url
from portal.database.session import db
from tests.keeper import shared

if TYPE_CHECKING:
    from flask import Flask

BROOM = """
SELECT quote_ident(relname) FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
AND relname <> 'alembic_version' ORDER BY relname
"""

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s
"""


@dataclass
class Database:
    """One PostgreSQL database. The URLs are for SQLAlchemy (`libpq_url` makes psycopg's)."""

    name: str
    owner_url: str
    app_url: str
    superuser_url: str
    _empty: list[str] = field(default_factory=list, repr=False)
    _broom: psycopg.Connection | None = field(default=None, repr=False)

    def sql(self, statement: str, *values: Any) -> Any:
        """Run a statement as superuser, which nobody in the portal could.

        Return its first row, as a value if it has one column, or None.
        """
        with psycopg.connect(libpq_url(self.superuser_url), autocommit=True) as connection:
            done = connection.execute(statement, values or None)  # type: ignore[arg-type]
            row = done.fetchone() if done.description else None
        return row[0] if row and len(row) == 1 else row

    def minute(self) -> int:
        """Return the number of the current minute by the database's clock."""
        return int(self.sql("SELECT floor(extract(epoch FROM clock_timestamp()) / 60)::int"))

    def waiting(self, pattern: str = "%") -> int:
        """Return how many statements like this wait for a lock in this database.

        `pg_locks` has those of every database of the cluster, which other tests use.
        """
        return int(self.sql(WAITING, pattern))

    def wipe(self) -> None:
        """Delete every row that a test committed, but keep what migrations inserted.

        Only tables with rows cost time, so this is some five times faster than TRUNCATE. It keeps
        its connection, which costs a tenth of a new one: PostgreSQL remembers the plans.
        """
        try:
            self._sweep()
        except psycopg.OperationalError:
            if self._broom and not self._broom.closed:
                raise
            self._sweep()  # a test ended all connections to the database

    def _sweep(self) -> None:
        if self._broom is None or self._broom.closed:
            self._broom = self._new_broom()
        self._broom.execute("SELECT pg_temp.sweep()")

    def _new_broom(self) -> psycopg.Connection:
        """Connect as superuser and as a "replica".

        So row-level security, foreign keys and append-only triggers do not interfere.
        """
        sweeps = " ".join(
            f"IF EXISTS (SELECT 1 FROM {t}) THEN DELETE FROM {t}; END IF;"
            for t in self._empty or self.remember()
        )
        connection = psycopg.connect(libpq_url(self.superuser_url), autocommit=True)
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET lock_timeout = '5s'")  # a test left a transaction open
        connection.execute(
            f"CREATE FUNCTION pg_temp.sweep() RETURNS void LANGUAGE plpgsql"
            f" AS $$ BEGIN {sweeps} END $$"
        )
        return connection

    def renew(self) -> None:
        """Give the tables that are empty between two tests new files.

        In the holes that earlier tests left, rows would lie in another order, and the plans of
        statements would change.
        """
        with psycopg.connect(libpq_url(self.superuser_url), autocommit=True) as connection:
            connection.execute("SET session_replication_role = replica")
            connection.execute(f"TRUNCATE {', '.join(self._empty or self.remember())}")

    def close(self) -> None:
        """Close the connection of `wipe`."""
        if self._broom:
            self._broom.close()

    def remember(self) -> list[str]:
        """Record which tables the migrations left empty: `wipe` deletes the rows of these."""
        self.close()
        with psycopg.connect(libpq_url(self.superuser_url), autocommit=True) as connection:
            tables = [name for (name,) in connection.execute(BROOM)]
            self._empty = [
                t for t in tables if not connection.execute(f"SELECT 1 FROM {t} LIMIT 1").fetchone()
            ]
        return self._empty


@contextlib.contextmanager
def fresh_database(
    name: str, *, migrated: bool = True, like: Database | None = None
) -> Iterator[Database]:
    """Create a database and drop it at the end.

    It is made from the migrated template, empty, or as a copy of a database without connections.
    """
    data_dir = Path(shared("postgres")["data_dir"])
    template = like.name if like else embedded_urls.DATABASE if migrated else "template0"
    superuser = libpq_url(embedded_urls.urls_for(data_dir, "postgres").superuser)
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(
            f"CREATE DATABASE {name} OWNER {embedded_urls.OWNER_ROLE}"
            f" TEMPLATE {template} STRATEGY FILE_COPY"
        )
    urls = embedded_urls.urls_for(data_dir, name)
    database = Database(name, urls.owner, urls.app, urls.superuser)
    database.remember()
    try:
        yield database
    finally:
        database.close()
        with psycopg.connect(superuser, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def connected_anew(app: "Flask") -> Iterator[None]:
    """Reconnect for the block and after it: settings of a role apply to new connections only."""
    _reconnect(app)
    try:
        yield
    finally:
        _reconnect(app)


def _reconnect(app: "Flask") -> None:
    with app.app_context():
        db.engine.dispose()


@contextlib.contextmanager
def read_only(app: "Flask", database: Database) -> Iterator[None]:
    """Make the database read-only for the portal's role, as on a standby."""
    role = f"ALTER ROLE portal_app IN DATABASE {database.name}"
    database.sql(f"{role} SET default_transaction_read_only = on")
    try:
        _reconnect(app)
        yield
    finally:
        database.sql(f"{role} RESET default_transaction_read_only")
        _reconnect(app)


AT_ONCE = "TRIGGER no_room BEFORE INSERT OR UPDATE OR DELETE ON {}"
AT_COMMIT = (
    "CONSTRAINT TRIGGER no_room AFTER INSERT ON {} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
)


@contextlib.contextmanager
def failing_with(
    database: Database, table: str, code: str, *, when: str = AT_ONCE
) -> Iterator[None]:
    """Make the server refuse every write to a table within the block, with this error code."""
    database.sql(
        f"CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" RAISE EXCEPTION 'could not extend file' USING ERRCODE = '{code}'; END $$;"
        f"CREATE {when.format(table)} EXECUTE FUNCTION no_room()"
    )
    yield
    database.sql("DROP FUNCTION no_room CASCADE")


@contextlib.contextmanager
def stopped(database: Database, pid: int) -> Iterator[None]:
    """Stop one server process of PostgreSQL for the block: its socket stays open, but it does not
    answer.

    It is stopped when it has nothing to do, so that it holds no lock that others need.
    """
    state = "SELECT state FROM pg_stat_activity WHERE pid = %s"
    os.kill(pid, signal.SIGSTOP)
    try:
        while database.sql(state, pid) != "idle":
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
