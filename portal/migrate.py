"""Bringing the database to the newest revision, and knowing whether it is there.

The steps are in `migrations/`; Alembic runs them, with no ini file. Run as the owner of the tables,
which is not the role that the portal works as.
"""

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portal.config import Config, libpq_url
from portal.deadlines import connection_settings
from portal.embedded import APP_ROLE

if TYPE_CHECKING:
    from alembic.config import Config as AlembicConfig
    from sqlalchemy import Connection, MetaData

ROOT = Path(__file__).parent.parent
DIRECTORY = ROOT / "migrations"
# Any number that only we use: two that migrate at once take turns.
ADVISORY_LOCK = 0x63504F44
# A step that cannot have its lock at once fails and is run again, instead of queueing the whole
# portal behind itself.
LOCK_TIMEOUT = "5s"


class MigrationError(Exception):
    """The database cannot be migrated; the message says what to do."""


def owner_url(config: Config) -> str:
    """The address to migrate with."""
    if config.migration_database_url is None:
        raise MigrationError(
            "PORTAL_MIGRATION_DATABASE_URL is missing: migrations run as the owner of the tables, "
            "not as the role in PORTAL_DATABASE_URL."
        )
    return config.migration_database_url


def head() -> str | None:
    """The newest revision, from the files' names: quick, because Alembic stays unloaded."""
    return max((path.name[:4] for path in DIRECTORY.glob("versions/[0-9]*.py")), default=None)


def current(url: str) -> str | None:
    """The revision the database is at; None for an empty one. Raises `psycopg.Error`."""
    import psycopg

    settings = connection_settings("portal-migrate")
    with psycopg.connect(libpq_url(url), **settings) as connection:
        try:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            return None
    return row[0] if row else None


def upgrade(url: str, revision: str = "head") -> str | None:
    """Run the missing steps as the owner; answer the revision reached. None missing: quick."""
    if revision == "head" and current(url) == head():
        return head()
    _run(url, "upgrade", revision)
    return current(url)


def downgrade(url: str, revision: str) -> str | None:
    """Undo the steps after `revision` ("base" undoes all)."""
    _run(url, "downgrade", revision)
    return current(url)


def alembic_config(connection: "Connection | None" = None) -> "AlembicConfig":
    """Alembic's settings for `migrations/`, the same as `[tool.alembic]` gives its command line."""
    from alembic.config import Config as AlembicConfig

    alembic = AlembicConfig()
    alembic.set_main_option("script_location", str(DIRECTORY))
    alembic.set_main_option("prepend_sys_path", str(ROOT))  # for `from migrations.tenancy import …`
    alembic.set_main_option("path_separator", "newline")
    alembic.attributes["connection"] = connection
    return alembic


def _run(url: str, command: str, revision: str) -> None:
    from alembic import command as commands
    from sqlalchemy import create_engine, pool

    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        _require_app_role(connection)
        connection.commit()
        run: Any = getattr(commands, command)
        run(alembic_config(connection), revision)
        _let_the_app_see_the_revision(connection)


def _require_app_role(connection: "Connection") -> None:
    known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
    if connection.exec_driver_sql(known, (APP_ROLE,)).first() is None:
        raise MigrationError(
            f"The role {APP_ROLE} is missing. Make it once, as a superuser: "
            f"CREATE ROLE {APP_ROLE} LOGIN NOSUPERUSER NOBYPASSRLS NOINHERIT PASSWORD '…';"
        )


def _let_the_app_see_the_revision(connection: "Connection") -> None:
    """A web process says at its start whether the database is as new as its code."""
    connection.exec_driver_sql(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")
    connection.commit()


@contextmanager
def exclusively(connection: "Connection") -> "Iterator[None]":
    """Wait for whoever migrates already, then go on with a short patience for table locks."""
    connection.exec_driver_sql("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    connection.exec_driver_sql("SET statement_timeout = 0")
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.exec_driver_sql("SELECT pg_advisory_unlock(%s)", (ADVISORY_LOCK,))
        connection.commit()


def all_models() -> "MetaData":
    """Every table of every feature: each package's `models` is imported."""
    import portal
    from portal.db import Base

    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if module.name.rpartition(".")[2] == "models":
            importlib.import_module(module.name)
    metadata: MetaData = Base.metadata
    return metadata
