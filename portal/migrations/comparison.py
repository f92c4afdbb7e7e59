"""Tell Alembic what of the database it compares with the models, to write a new migration."""

from typing import Any

from sqlalchemy import Column, Connection, Index


def options(connection: Connection) -> dict[str, Any]:
    """Return options for the context of a comparison."""
    query = "SELECT relname FROM pg_class WHERE relispartition"
    partitions = set(connection.exec_driver_sql(query).scalars())
    return {
        # Partitions are created month by month and day by day; the models contain only their
        # parents.
        "include_name": lambda name, kind, _: kind != "table" or name not in partitions,
        # PostgreSQL writes the expressions of an index in its own words, so they always differ.
        # That the index is there at all is still compared.
        "include_object": lambda part, _, __, ___, other: other is None or not _computes(part),
    }


def _computes(part: Any) -> bool:
    return isinstance(part, Index) and any(not isinstance(one, Column) for one in part.expressions)
