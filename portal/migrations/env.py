"""Run migrations online and one at a time, as the owner, one transaction each, with short waits.

`portal migrate` passes a connection; `alembic revision -m "…"` connects with the settings.
"""

from collections.abc import Iterable
from typing import Any

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData

from portal import migrations
from portal.core.config import Config
from portal.migrations import comparison
from portal.ops import migrate


def number(
    migration: MigrationContext, revision: Iterable[Any], directives: list[MigrationScript]
) -> None:
    """Give a new revision the next number instead of a random name."""
    newest = migrations.head()
    directives[0].rev_id = f"{int(newest or 0) + 1:04d}"


def run(connection: Connection, models: MetaData | None = None) -> None:
    migrate.take_turn(connection, context.config.attributes.get("say", print))
    compared = comparison.options(connection)
    connection.commit()
    context.configure(
        **compared,
        connection=connection,
        target_metadata=models,
        transaction_per_migration=True,
        on_version_apply=lambda **_: migrate.let_the_app_see_the_revision(connection),
        process_revision_directives=number,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    if context.is_offline_mode():
        raise SystemExit("Migrations run online only: they look at the database as they go.")
    if (given := context.config.attributes.get("connection")) is not None:
        run(given)
        return
    url = migrate.owner_url(Config.from_environ())
    with migrate.engine(url).connect() as connection:
        run(connection, migrate.all_models())


main()
