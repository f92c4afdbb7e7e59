"""Read what several queries find in one statement, for pages that need a little of many tables."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import FromClause, Select, func, null, select
from sqlalchemy.orm import aliased

from portal.database.session import session


def read_together(queries: Sequence[Select[Any] | None]) -> list[list[Any]]:
    """Return the rows of each query, in its order, all read in one statement. None has no rows.

    A query selects at most one model, first. It has a limit, since all rows are read at once.
    """
    given = [query for query in queries if query is not None]
    found = iter(_read(given) if given else ())
    return [[] if query is None else next(found) for query in queries]


def _read(queries: Sequence[Select[Any]]) -> list[list[Any]]:
    numbers = select(func.generate_series(0, len(queries) - 1).label("number")).subquery()
    joined: FromClause = numbers
    selected, places = [], []
    for number, query in enumerate(queries):
        found = query.subquery()
        numbered = select(found, func.row_number().over().label("place_in_query")).subquery()
        joined = joined.outerjoin(numbered, numbers.c.number == number)
        selected.append(_selected(query, numbered))
        places.append(numbered.c.place_in_query)
    place = func.coalesce(*places, null())
    statement = select(numbers.c.number, place, *(one for some in selected for one in some))
    rows = session.execute(statement.select_from(joined).order_by(numbers.c.number, place))
    return _parted(rows.all(), [len(some) for some in selected])


def _selected(query: Select[Any], numbered: FromClause) -> list[Any]:
    """Return what a query selects, taken from its numbered rows."""
    model = query.column_descriptions[0]["entity"]
    if query.column_descriptions[0]["expr"] is not model:
        return list(numbered.c)[:-1]
    others = list(numbered.c)[len(model.__mapper__.columns) : -1]
    return [aliased(model, numbered), *others]


def _parted(rows: Sequence[Any], widths: Sequence[int]) -> list[list[Any]]:
    """Return the rows by the query that found them, without the columns of the others."""
    parts: list[list[Any]] = [[] for _ in widths]
    for number, place, *values in rows:
        if place is not None:
            begins = sum(widths[:number])
            parts[number].append(tuple(values[begins : begins + widths[number]]))
    return parts
