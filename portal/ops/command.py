"""The common needs of all `portal` commands: settings, a running database, the application."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from portal.core.config import Config, ConfigError

if TYPE_CHECKING:
    from flask import Flask

P = ParamSpec("P")

NOT_MIGRATED = "The database was never migrated, or by an older release. Run portal migrate."


def configured(command: Callable[Concatenate[Config, P], None]) -> Callable[P, None]:
    """Pass the settings to a command; report expected errors as sentences, without a traceback."""

    @wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            config = Config.from_environ()
        except ConfigError as error:
            raise click.ClickException(str(error)) from None
        from portal.database.app_role import refusals_as

        try:
            with refusals_as(
                click.ClickException, "Look for what holds it up, and run this again."
            ):
                command(config, *args, **kwargs)
        except _expected_errors() as error:
            raise click.ClickException(str(error)) from None
        except Exception as error:
            if _lacks_a_table(error):
                raise click.ClickException(NOT_MIGRATED) from None
            raise

    return wrapper


def _expected_errors() -> tuple[type[Exception], ...]:
    """Return the errors that an operator can fix."""
    from portal.database.app_role import DatabaseRoleError, DatabaseUnreachable
    from portal.ops.backup.archive import ArchiveError
    from portal.ops.backup.backup import BackupError
    from portal.ops.backup.postgres_programs import ToolError
    from portal.ops.backup.restore import NotUsable, RestoreError
    from portal.ops.embedded_postgres import EmbeddedPostgresError
    from portal.ops.migrate import MigrationError
    from portal.ops.secrets.key_rotation import RotationError
    from portal.ops.secrets.store_moves import MoveError
    from portal.ops.serving import AddressTaken

    return (
        DatabaseRoleError, DatabaseUnreachable, EmbeddedPostgresError, MigrationError, ConfigError,
        RotationError, MoveError, AddressTaken, ArchiveError, BackupError, ToolError, RestoreError,
        NotUsable,
    )  # fmt: skip


def _lacks_a_table(error: Exception) -> bool:
    from psycopg.errors import UndefinedColumn, UndefinedTable

    return isinstance(getattr(error, "orig", error), UndefinedTable | UndefinedColumn)


@contextmanager
def running_database(config: Config) -> Iterator[None]:
    """Use the embedded PostgreSQL of a running portal, or run one inside the context."""
    from portal.ops import embedded_postgres

    if not config.uses_embedded_database or embedded_postgres.is_running(config.data_dir):
        yield
        return
    with embedded_postgres.start(config.data_dir):
        yield


@contextmanager
def application(config: Config) -> "Iterator[Flask]":
    from portal import create_app
    from portal.core import logs
    from portal.database.session import db

    logs.configure(production=config.is_production)
    with running_database(config):
        app = create_app(config, as_worker=True)
        with app.app_context():
            try:
                yield app
            finally:
                db.session.remove()
                db.engine.dispose()
