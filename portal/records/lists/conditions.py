"""Turn a query into conditions of SQL."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Select, and_, literal_column, or_, true
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from portal.database.actor import Actor
from portal.database.record import Record
from portal.records import search
from portal.records.lists.declaration import EARLIEST, Listing
from portal.records.lists.queries import Clause, Query

R = TypeVar("R", bound=Record)
A_DAY = timedelta(days=1)
CLOCKS_DIFFER = 3_600_000  # milliseconds


def visible(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    """Select the records that the actor sees, and the deleted ones only if they are asked for."""
    model = listing.model
    statement: Select[Any] = model.seen_by(actor)
    if listing.beside and _reads_beside(listing, query):
        statement = statement.join(listing.beside.model, listing.beside.on)
    if not query.include_deleted:
        statement = statement.where(model.is_deleted.is_(False))
    for end, place in spans(listing, query):
        statement = statement.where(model.id >= place if end == "after" else model.id < place)
    return statement


def _reads_beside(listing: Listing[Any], query: Query) -> bool:
    view = listing.views.get(query.show)
    in_days = any(key.split()[0] in listing.days for key in query.bounds)
    compared = any(one.name in listing.days for one in (*query.clauses, *query.either))
    return is_beside(listing, query.sort) or in_days or compared or bool(view and view.beside)


def conditions_of(
    actor: Actor, listing: Listing[Any], query: Query
) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of the filters, the times, the view and the clauses."""
    found = {
        name: listing.condition(name, value, actor.tenant_id)
        for name, value in query.filters.items()
    }
    for key, bound in query.bounds.items():
        name, end = key.split()
        found[key] = _in_range(listing.ranges[name], end, bound)
        if name == "deleted_at":
            found[f"{key} deleted"] = listing.model.is_deleted.is_(True)  # its index has only such
        if (day := listing.days.get(name)) is not None:
            found[f"{key} day"] = _in_range(day, end, _a_day_away(bound, end), has_earliest=True)
    if query.show:
        found["show"] = listing.views[query.show].condition()
    for clause in query.clauses:
        found[clause.parameter] = meaning(listing, clause, actor.tenant_id)
    if query.either:
        means = [meaning(listing, clause, actor.tenant_id) for clause in query.either]
        found["either"] = or_(*means)
    return found


def meaning(listing: Listing[Any], clause: Clause, tenant_id: str) -> ColumnElement[bool]:
    """Return the condition of a clause, which is compared with one record after the other."""
    if clause.how in ("after", "before"):
        bound = cast("datetime", clause.value)
        return _in_range(listing.ranges[clause.name], clause.how, bound)
    if clause.how == "contains":
        found: ColumnElement[bool] = listing.texts[clause.name].icontains(
            clause.value, autoescape=True
        )
        return found
    if clause.how == "empty":
        column = listing.optional[clause.name]
        return column.is_(None) if clause.value else column.is_not(None)
    equal = _equal(listing, clause, tenant_id)
    # A field without a value is not this value either.
    return equal if clause.how == "is" else equal.is_not(true())


def _equal(listing: Listing[Any], clause: Clause, tenant_id: str) -> ColumnElement[bool]:
    if clause.name == "tag":
        terms = search.Terms(listing.model, tenant_id)
        (word,) = search.words_of("", str(clause.value))
        return terms.probe(word, listing.model.id)
    if side := listing.sides.get(clause.name):
        return side.probe(tenant_id, cast("str", clause.value), listing.model.id)
    return listing.condition(clause.name, clause.value, tenant_id).self_group()


def _in_range(
    column: Any, end: str, bound: datetime, has_earliest: bool = False
) -> ColumnElement[bool]:
    if end == "after":
        after: ColumnElement[bool] = column >= bound
        return after
    before: ColumnElement[bool] = column < bound
    if has_earliest or not isinstance(column, InstrumentedAttribute):
        return and_(before, column > literal_column(EARLIEST))  # that stands for no time at all
    return before


def _a_day_away(bound: Any, end: str) -> Any:
    try:
        return bound - A_DAY if end == "after" else bound + A_DAY
    except OverflowError:  # there is no day before the first and after the last
        return bound


def spans(listing: Listing[Any], query: Query) -> Iterator[tuple[str, str]]:
    """Yield the bounds of the time of creation as bounds on the id: the list's own index then finds
    them. It is the time that is sorted by id.

    An id begins with its creation time by the portal's clock, not the database's, hence the hour to
    spare.
    """
    for key, bound in query.bounds.items():
        name, end = key.split()
        if listing.sorts.get(name) is listing.model.id:
            spare = -CLOCKS_DIFFER if end == "after" else CLOCKS_DIFFER
            milliseconds = max(int(bound.timestamp() * 1000) + spare, 0)
            yield (
                end,
                f"{listing.model.id_prefix}_{ULID(milliseconds.to_bytes(6, 'big') + bytes(10))}",
            )


def is_beside(listing: Listing[Any], sort: str) -> bool:
    """Tell whether a sort is by a column of the table beside the records."""
    return sort.removeprefix("-") in listing.beside_sorts
