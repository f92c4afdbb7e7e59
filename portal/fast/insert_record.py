"""Write a new record in one statement, with all that is stored beside it.

The statement is built once for each set of columns. A flush alone would cost more.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import Insert, bindparam, insert

from portal.fast.statements import Statement

if TYPE_CHECKING:
    from portal.database.record import Record


@lru_cache(100)
def statement(
    model: "type[Record]", given: tuple[str, ...], beside: tuple[Insert, ...], last: Any
) -> tuple[Statement, tuple[str, ...]]:
    """Return the statement for these columns, and the names of those that the database fills.

    It runs the inserts `beside`. Its row has the filled columns, then the value of `last`.
    """
    names = filled(model, given)
    row = (
        insert(model)
        .values({name: bindparam(name) for name in given})
        .returning(*(model.__table__.c[name] for name in names), last)
        .add_cte(*(part.cte(f"with_it_{number}") for number, part in enumerate(beside)))
    )
    return Statement(row), names


def filled(model: "type[Record]", given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of the columns that the database fills if these are given."""
    return tuple(
        column.name
        for column in model.__table__.columns
        if column.server_default is not None and column.name not in given
    )
