"""Compile the statements of pages once for all similar queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    String,
    any_,
    bindparam,
    func,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.orm import joinedload

from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import send_alone, send_together, session
from portal.fast.plain_rows import PAGE
from portal.fast.statements import PLANNED_ANEW, Bound, Statement
from portal.records.bounded_search import Order, Way
from portal.records.lists.declaration import Listing, Value
from portal.records.lists.page_statement import (
    SORT_ID,
    SORT_KEY,
    ids_ahead,
    place_of,
    share,
    side_filter,
    statement_of,
)
from portal.records.lists.queries import Query

Row = tuple[Any, ...]

MOST_WRITTEN = 500  # statements of one list


def is_written(
    listing: Listing[Any], query: Query, order: Order, also: Sequence[ColumnElement[bool]]
) -> bool:
    """Tell whether `read` can write the statement of a page once for all similar queries."""
    return issubclass(listing.model, Record) and not (also or order.spans or query.is_loose)


def read(
    actor: Actor,
    listing: Listing[Any],
    query: Query,
    columns: Sequence[Any],
    order: Order,
    way: Way | None = None,
    of_page: Statement | None = None,
) -> tuple[list[Row], list[Row] | None]:
    """Return the rows of a query, with a statement that is written once for all similar queries.

    Each row ends with its place. Without `columns`, rows begin with the record. `of_page` is a
    statement that reads the records with the ids in PAGE: return its rows, too. Both take one
    message. `way` is the way of the query's search.

    Similar queries differ only in their values. A value from a closed set is part of the
    statement, so that PostgreSQL uses its index. A whole list is planned once too: it is the
    beginning of an index, whatever the values are. So are the ids of a side table. The plan of any
    other query depends on its values.
    """
    page = _Page(actor, listing, query, columns, order, way, of_page is not None)
    shape, values = page.shape, page.values
    if shape not in listing.written:
        if len(listing.written) >= MOST_WRITTEN:
            listing.written.clear()
        listing.written[shape] = page.write()
    written = listing.written[shape]
    if isinstance(written, Select):
        return [tuple(row) for row in session.execute(written, values)], None
    settings = PLANNED_ANEW if query.bounds else {}
    if of_page is None:
        return send_alone(written, values, settings), None
    reading = Bound(of_page, {"tenant_id": actor.tenant_id})
    found, shown = send_together([Bound(written, values), reading], {**settings, PAGE: ""})
    return found, shown


@dataclass(frozen=True)
class _Page:
    """The page that is read."""

    actor: Actor
    listing: Listing[Any]
    query: Query
    columns: Sequence[Any]
    order: Order
    way: Way | None
    is_kept: bool
    """True if the ids that are found become the setting PAGE."""

    @cached_property
    def aside(self) -> str:
        return side_filter(self.listing, self.query, self.order)

    @cached_property
    def compared(self) -> Mapping[str, Any]:
        compared: Mapping[str, Any] = self.listing.model.compares(self.actor)
        return compared

    @cached_property
    def is_planned_once(self) -> bool:
        """Tell whether the plan is the same for all values."""
        others = {name: v for name, v in self.query.filters.items() if name != self.aside}
        return not (replace(self.query, filters=others).is_narrowed or self.compared)

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return the parameters of the statement."""
        query, order = self.query, self.order
        values: dict[str, Any] = {"tenant_id": self.actor.tenant_id}
        if not self.is_planned_once:
            values["most"] = query.limit + 1
        for name, given in query.filters.items():
            if not self.listing.is_closed(name):
                values |= self._filter_value(name, given)
        values |= self.compared
        if order.place is not None:
            values |= dict(zip((SORT_KEY, SORT_ID), order.place, strict=True))
        if order.end is not None:
            values["end"] = order.end
        values |= {_bound(key): bound for key, bound in query.bounds.items()}
        return values | (self.way.values if self.way else {})

    def _filter_value(self, name: str, given: Value) -> dict[str, Any]:
        """Return a filter's parameter: `is_<name>` for one value, `any_<name>` for several."""
        if side := self.listing.sides.get(name):
            return {f"any_{name}": side.values(given)}
        if isinstance(given, tuple):
            return {f"any_{name}": list(given)}
        return {f"is_{name}": given}

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return what the text of the statement depends on."""
        query, order, way = self.query, self.order, self.way
        closed = tuple((n, v) for n, v in query.filters.items() if self.listing.is_closed(n))
        ahead = ids_ahead(query) if self.aside else 0
        by_query = (query.sort, query.show, query.include_deleted, order.downward, ahead)
        # A text without words, such as "%", finds nothing, and is not the whole list.
        by_search = (way.shape, share(query)) if way else bool(query.q.strip())
        limit = query.limit if self.is_planned_once else None
        by = (self.actor.kind, self.actor.is_admin, limit, self.is_kept)
        return (tuple(self.columns), frozenset(self.values), closed, by_query, by_search, by)

    def write(self) -> Statement | Select[Any]:
        """Return the statement with a parameter for each of the values."""
        listing, query, order, way = self.listing, self.query, self.order, self.way
        named: dict[str, Any] = {name: bindparam(name, type_=_type(name)) for name in self.values}
        whose = replace(self.actor, **{name: named[name] for name in ("tenant_id", *self.compared)})
        filters: dict[str, Any] = dict(query.filters)
        for name in filters:
            if f"is_{name}" in named:
                filters[name] = named[f"is_{name}"]
            elif f"any_{name}" in named:
                several = type_coerce(named[f"any_{name}"], ARRAY(String))
                filters[name] = several if name in listing.sides else any_(several)
        bounds = {key: named[_bound(key)] for key in query.bounds}
        if order.place is not None:
            order = replace(order, place=(named[SORT_KEY], named[SORT_ID]))
        if order.end is not None:
            order = order.ending(named["end"])
        of_values = replace(query, filters=filters, bounds=bounds)
        most = named.get("most", literal_column(str(query.limit + 1)))  # a plan depends on it
        statement = statement_of(whose, listing, of_values, order, (), way and way.named(), most)
        shown = (*(self.columns or (listing.model,)), *place_of(order))
        statement = statement.with_only_columns(*shown).limit(most)
        if self.is_kept:
            statement = _kept(statement)
        if self.columns:
            return Statement(statement, is_planned_once=self.is_planned_once)
        # With the record, read what it refers to: each would take a statement of its own.
        return statement.options(joinedload("*"))


def _kept(ids: Select[Any]) -> Select[Any]:
    """Return a statement of ids that also makes them the setting PAGE."""
    page = ids.cte("page")
    id, *place = page.c
    every = select(func.array_to_string(func.array_agg(id), ",")).scalar_subquery()
    return select(id, select(func.set_config(PAGE, every, True)).scalar_subquery(), *place)


def _bound(key: str) -> str:
    return f"bound_{key.replace(' ', '_')}"


def _type(parameter: str) -> Any:
    return DateTime(timezone=True) if parameter.startswith("bound_") else None
