"""Write many new rows of one table in one statement.

The rows are sent as one JSON text: a value for each column of each row would cost more to send than
PostgreSQL takes to store it.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Text, bindparam, cast, func, insert, literal_column, select
from sqlalchemy.dialects.postgresql import JSONB

from portal.fast.statements import Statement

if TYPE_CHECKING:
    from portal.database.base import Base


@lru_cache(100)
def statement(model: "type[Base]", given: tuple[str, ...], filled: tuple[str, ...]) -> Statement:
    """Return the statement that inserts rows with these columns and returns those that the database
    fills, in any order; parameter: `rows`."""
    rows = func.jsonb_populate_recordset(
        literal_column(f"NULL::{model.__tablename__}"), cast(bindparam("rows", type_=Text), JSONB)
    ).table_valued(*given)
    chosen = select(*(rows.c[name] for name in given))
    columns = model.__table__.c
    into = insert(model).from_select(list(given), chosen, include_defaults=False)
    return Statement(into.returning(*(columns[name] for name in filled)) if filled else into)


def written(rows: Iterable[Mapping[str, Any]]) -> str:
    """Return rows as the statement's parameter."""
    return orjson.dumps(list(rows), default=_plain).decode()


def _plain(value: Any) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError
