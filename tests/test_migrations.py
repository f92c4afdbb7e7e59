"""Migrations, all of them once: they go up, down and up again, and end where the models are."""

from typing import Any

import psycopg
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, Table, create_engine, pool

from portal import migrate
from portal.config import libpq_url
from tests.databases import Database


def test_they_go_up_and_down_again(empty_database: Database) -> None:
    url = empty_database.owner_url
    assert migrate.upgrade(url) == migrate.head()
    migrate.downgrade(url, "base")
    with psycopg.connect(libpq_url(url)) as connection:
        left = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v', 'm', 'S') AND relname <> 'alembic_version'"
        ).fetchall()
    assert left == []
    assert migrate.upgrade(url) == migrate.head()


def test_they_end_where_the_models_are(database: Database) -> None:
    engine = create_engine(database.owner_url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        partitions = _partitions(connection)
        options = {"include_object": lambda o, *_: _table(o) not in partitions}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, migrate.all_models()) == []


def _partitions(connection: Connection) -> set[str]:
    """Made month by month and day by day; the models know their parents only."""
    query = "SELECT relname FROM pg_class WHERE relispartition"
    return set(connection.exec_driver_sql(query).scalars())


def _table(part: Any) -> str:
    return str(part.name if isinstance(part, Table) else part.table.name)
