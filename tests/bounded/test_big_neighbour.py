"""A tenant with few records whose neighbour, in the same tables, has many of each kind."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import Index, UniqueConstraint, text

from portal.core.config import libpq_url
from portal.database.session import db
from tests.cast import ADA, GUS, Api, Pages
from tests.databases import Database
from tests.resources import RESOURCES, list_of, minimal

MANY = 6_000
PAGES = ("/", *map(list_of, RESOURCES), "/deliveries", "/events", "/audit", "/search?q=key")
TABLES = [resource.model.__table__ for resource in RESOURCES]
READ_WHOLE = "SELECT relname, seq_tup_read FROM pg_stat_user_tables WHERE relname = ANY(%s)"


@pytest.fixture
def neighbour(ada: Api, database: Database) -> None:
    for resource in RESOURCES:
        ada.create(resource.name, **minimal(resource))
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        for table in TABLES:
            connection.execute(copying(table))
        connection.execute("VACUUM ANALYZE")


def copying(table: Any) -> str:
    """Return the statement that makes many of the one record of a table, all alike but where no two
    may be."""
    rules = [one for one in (*table.constraints, *table.indexes) if is_unique(one)]
    own = {"id", *(column.name for rule in rules for column in rule.columns)} - {"tenant_id"}
    names = [column.name for column in table.columns if column.computed is None]
    other = "left({0}, -20) || left(md5(n::text), 20)"  # as long, and of digits that hashes have
    values = [other.format(name) if name in own else name for name in names]
    return (
        f"INSERT INTO {table.name} ({', '.join(names)}) SELECT {', '.join(values)}"
        f" FROM {table.name}, generate_series(2, {MANY}) AS n"
    )


def is_unique(rule: Any) -> bool:
    return isinstance(rule, UniqueConstraint) or (isinstance(rule, Index) and rule.unique)


def test_no_page_of_a_small_tenant_reads_the_records_of_a_big_one(
    neighbour: None, gus: Api, browse: Callable[..., Pages], app: Flask, database: Database
) -> None:
    gus.post("/api-keys", {"name": "Nightly export"})
    person = browse(GUS)
    before = read_whole(app, database)
    for path in PAGES:
        assert person.get(path).status_code == 200, path
        after = read_whole(app, database)
        assert after == before, path


def test_the_neighbour_itself_sees_how_long_its_lists_are(
    neighbour: None, browse: Callable[..., Pages]
) -> None:
    ada = browse(ADA)
    for path in map(list_of, RESOURCES):
        assert f"{MANY:,}" in ada.get(f"{path}?view=all").text, path


def read_whole(app: Flask, database: Database) -> dict[str, int]:
    """Return how many rows were read from tables from end to end, by table."""
    with app.app_context(), ExitStack() as stack:
        for _ in range(db.engine.pool.size()):  # type: ignore[attr-defined]
            connection = stack.enter_context(db.engine.connect())
            connection.execute(text("SELECT pg_stat_force_next_flush()"))
            connection.commit()
    with psycopg.connect(libpq_url(database.superuser_url)) as connection:
        return dict(connection.execute(READ_WHOLE, [[table.name for table in TABLES]]).fetchall())
