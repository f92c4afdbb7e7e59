"""Measure the files of the database: how much a key or a delivery takes up, with its indexes."""

from collections.abc import Mapping

import psycopg

from tests.bench.figures import Figure

SIZE = """
SELECT coalesce(sum(pg_total_relation_size(relid)), pg_total_relation_size(of))::float
FROM (SELECT %s::regclass AS of) AS whole LEFT JOIN pg_partition_tree(of) ON isleaf GROUP BY of
"""
SHARE_OF_KEYS = "SELECT avg((kind = 'key')::int)::float FROM search_term"
OF_KEYS = ("api_key", "api_key_scope", "api_key_runtime")
OF_DELIVERIES = ("event", "delivery", "delivery_attempt")


def of_key(superuser: str) -> Figure:
    """Return the kilobytes of a key: its row, scopes, counters and words."""
    with psycopg.connect(superuser) as connection:
        sizes = {table: _number(connection, SIZE, table) for table in OF_KEYS}
        words = _number(connection, SIZE, "search_term")
        sizes["words"] = words * _number(connection, SHARE_OF_KEYS)
        return _figure(
            "a key on disk", sizes, _number(connection, "SELECT count(*) FROM api_key"), 3
        )


def of_delivery(superuser: str) -> Figure:
    """Return the kilobytes of a delivery: an event of 1 KiB, its delivery and one attempt."""
    with psycopg.connect(superuser) as connection:
        sizes = {table: _number(connection, SIZE, table) for table in OF_DELIVERIES}
        count = _number(connection, "SELECT count(*) FROM delivery")
        return _figure("a delivery on disk", sizes, count, 2.2)


def clean(superuser: str) -> None:
    """Free the space of old versions of deliveries, as autovacuum does from time to time."""
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("VACUUM event, delivery, delivery_attempt")


def _number(connection: psycopg.Connection, query: str, *values: str) -> float:
    row = connection.execute(query, values).fetchone()  # type: ignore[arg-type]
    assert row
    return float(row[0])


def _figure(name: str, sizes: Mapping[str, float], count: float, bound: float) -> Figure:
    each = {part: size / count / 1000 for part, size in sizes.items()}
    notes = ", ".join(f"{part} {size:.2f}" for part, size in each.items())
    return Figure(name, sum(each.values()), bound, "less", "KB", notes)
