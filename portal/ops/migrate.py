"""Migrate the database to the newest revision, and check which revision it has.

The migrations are in `portal/migrations/`; Alembic runs them without an ini file. They run as the
owner of the tables, which is not the portal's role.
"""

import importlib
import importlib.util
import pkgutil
import random
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import psycopg

from portal import migrations
from portal.core.config import Config, libpq_url
from portal.core.deadlines import connection_settings
from portal.core.embedded_urls import APP_ROLE
from portal.database.app_role import reason
from portal.ops.blockers import Blockers

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig
    from sqlalchemy import Connection, Engine, MetaData

# An arbitrary number that only the portal uses, so that concurrent migrations take turns.
ADVISORY_LOCK = 0x63504F44
# A statement queues behind a migration that waits for a lock, so the migration fails soon and is
# run again. `portal/migrations/live.py` explains why it is less than a second.
LOCK_SECONDS = 0.5
PATIENCE_SECONDS = 300.0
# Temporary failures: a lock not available, a deadlock, two updates of one row of the catalogue.
PASSING = ("55P03", "40P01", "40001")

Say = Callable[[str], object]


class MigrationError(Exception):
    """The database cannot be migrated; the message says what to do."""


def owner_url(config: Config) -> str:
    """Return the URL of the owner's connection.

    Raises `MigrationError` if it is missing.
    """
    if config.migration_database_url is None:
        raise MigrationError(
            "PORTAL_MIGRATION_DATABASE_URL is missing: migrations run as the owner of the tables, "
            "not as the role in PORTAL_DATABASE_URL."
        )
    return config.migration_database_url


def current(url: str) -> str | None:
    """Return the revision of the database; None for an empty one. Raises `psycopg.Error`."""
    settings = connection_settings("portal-migrate")
    with psycopg.connect(libpq_url(url), **settings) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


def reached(url: str) -> str | None:
    """Return the revision for the owner's URL, as `current`, but raise `MigrationError`."""
    try:
        return current(url)
    except psycopg.OperationalError as error:
        raise MigrationError(
            f"PostgreSQL cannot be reached: {reason(error)}\nSee that it runs, that "
            "PORTAL_MIGRATION_DATABASE_URL is right, and run portal migrate again."
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(_not_the_owner(error)) from error


def is_newer(revision: str | None) -> bool:
    """Tell whether the database was migrated by code that is newer than this."""
    return revision is not None and revision > (migrations.head() or "")


def upgrade(
    url: str, revision: str = "head", *, patience: float = PATIENCE_SECONDS, say: Say = print
) -> str | None:
    """Run the missing migrations as the owner and return the revision reached.

    It is fast if none is missing. A migration that cannot get its locks is retried for `patience`
    seconds. `say` receives messages for a waiting person. Raises `MigrationError`.
    """
    if revision == "head":
        found = reached(url)
        if is_newer(found):
            raise MigrationError(
                f"The database is at revision {found}, newer than this code"
                f" ({migrations.head()}). Deploy the code that made it, or migrate down with it."
            )
        if found == migrations.head():
            return found
    _run(url, "upgrade", revision, patience, say)
    return reached(url)


def downgrade(url: str, revision: str) -> str | None:
    """Undo the migrations after `revision` ("base" undoes all) and return the revision reached."""
    _run(url, "downgrade", revision, PATIENCE_SECONDS, print)
    return reached(url)


def alembic_config(connection: "Connection | None" = None, say: Say = print) -> "AlembicConfig":
    """Return the settings that `[tool.alembic]` gives Alembic's own command line."""
    from alembic.config import Config as AlembicConfig

    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(migrations.DIRECTORY))
    alembic.set_main_option("path_separator", "newline")
    alembic.attributes["connection"] = connection
    alembic.attributes["say"] = say
    return alembic


def engine(url: str) -> "Engine":
    """Return an engine for migrations.

    Its statements have no timeout, its lock waits are short, and no lock outlives a process that
    was disconnected or suspended.
    """
    from sqlalchemy import create_engine, pool

    settings = connection_settings("portal-migrate", statement_seconds=0, lock_seconds=LOCK_SECONDS)
    return create_engine(url, poolclass=pool.NullPool, connect_args=settings)


def _run(url: str, command: str, revision: str, patience: float, say: Say) -> None:
    """Run the command until it succeeds. Finished migrations stay; the others are retried."""
    from sqlalchemy.exc import SQLAlchemyError

    began, waits = time.monotonic(), _growing()
    while True:
        try:
            with engine(url).connect() as connection, _watched(connection, url) as blockers:
                return _run_once(connection, command, revision, say)
        except SQLAlchemyError as error:
            if not _is_in_use(error):
                if sentence := _sentence(url, error):
                    raise MigrationError(sentence) from error
                raise
            if time.monotonic() - began > patience:
                raise MigrationError(_in_the_way(url, blockers.last, patience)) from error
        time.sleep(next(waits))


def _growing() -> Iterator[float]:
    """Yield the seconds to wait before each retry, doubling up to five, with jitter."""
    seconds = 0.25
    while True:
        yield seconds * random.uniform(0.5, 1)  # noqa: S311  no secret
        seconds = min(2 * seconds, 5.0)


def _run_once(connection: "Connection", command: str, revision: str, say: Say) -> None:
    from alembic import command as commands

    _require_app_role(connection)
    connection.commit()
    run: Any = getattr(commands, command)
    run(alembic_config(connection, say), revision)


def _watched(connection: "Connection", url: str) -> Blockers:
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    connection.commit()
    return Blockers(url, pid)


def _is_in_use(error: BaseException | None) -> bool:
    """Tell whether another session blocked the migration, so that a retry may succeed."""
    while error is not None:
        if getattr(getattr(error, "orig", error), "sqlstate", None) in PASSING:
            return True
        error = error.__context__
    return False


def _in_the_way(url: str, blockers: list[str], patience: float) -> str:
    return (
        f"A step could not lock what it changes, though it was tried for {patience:.0f} seconds.\n"
        + "".join(f"  - {sentence}\n" for sentence in blockers)
        + "Wait until that has ended (a backup, a report, a session that somebody forgot), or end "
        "it with SELECT pg_terminate_backend(process), and run portal migrate again.\n"
        + _where_it_is(url)
    )


def _sentence(url: str, error: BaseException | None) -> str | None:
    """Describe the first error in a sentence if an operator can fix it; else return None."""
    from sqlalchemy.exc import DBAPIError

    first = None
    while error is not None:
        first = error if isinstance(error, DBAPIError) else first
        error = error.__cause__ or error.__context__
    if first is None:
        return None
    said = str(first.orig).strip()
    if first.connection_invalidated:
        why = f"The connection to PostgreSQL was lost: {said}\nRun portal migrate again."
    elif isinstance(first.orig, psycopg.errors.InsufficientPrivilege):
        why = _not_the_owner(first.orig)
    elif isinstance(first.orig, psycopg.OperationalError):
        why = (
            f"PostgreSQL did not do a step of the migration: {said}\n"
            "Put that right and run portal migrate again."
        )
    else:
        return None
    return f"{why}\n{_where_it_is(url)}"


def _not_the_owner(error: psycopg.Error) -> str:
    return (
        f"PostgreSQL does not allow that: {reason(error)}\n"
        "PORTAL_MIGRATION_DATABASE_URL has to name the role that owns the database and its tables. "
        "Put that right and run portal migrate again."
    )


def _where_it_is(url: str) -> str:
    try:
        place = f"The database is at {current(url) or 'nothing'} of {migrations.head()}."
    except psycopg.Error:
        place = "How far it came cannot be read."
    return (
        f"{place} Finished steps are kept, and the next run goes on from there. The release that "
        "runs can go on running."
    )


def _require_app_role(connection: "Connection") -> None:
    known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
    if connection.exec_driver_sql(known, (APP_ROLE,)).first() is None:
        raise MigrationError(
            f"The role {APP_ROLE} is missing. Make it once, as a superuser: "
            f"CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD '…';"
        )


def let_the_app_see_the_revision(connection: "Connection") -> None:
    """Grant web processes the right to read the revision, for comparison with their code."""
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")


def take_turn(connection: "Connection", say: Say) -> None:
    """Wait until no other process migrates. The turn ends with the connection.

    It polls instead of waiting in a statement, because creating an index concurrently would wait
    for that statement.
    """
    told = False
    while not _has_turn(connection):
        if not told:
            say("Another portal migrate is running. Waiting until it ends.")
        told = True
        time.sleep(0.25)


def _has_turn(connection: "Connection") -> bool:
    query = "SELECT pg_try_advisory_lock(%s)"
    free = connection.exec_driver_sql(query, (ADVISORY_LOCK,)).scalar_one()
    connection.commit()
    return bool(free)


def all_models() -> "MetaData":
    """Import each package's `models` and return the metadata of all tables."""
    import portal
    import portal.database.job_turns
    from portal.database.base import Base

    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if module.name.rpartition(".")[2] == "models":
            importlib.import_module(module.name)
    metadata: MetaData = Base.metadata
    return metadata
