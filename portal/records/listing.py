"""Filter, search, sort and page lists, in the same way for web pages and for REST.

A page begins after the sort key of a row, not after a number of counted rows, so the last page
costs as much as the first. Orders are total: every sort ends with the id.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    ScalarSelect,
    Select,
    String,
    and_,
    any_,
    bindparam,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.record import Record
from portal.database.session import send_alone, session
from portal.fast.statements import Statement
from portal.records import search
from portal.records.bounded_search import MOST_PATIENCE, SHARE, Order, Place, Search
from portal.records.query_parsing import (
    CONTROLS,
    CURSOR_LENGTH,
    DEFAULT_LIMIT,
    MAX_LIMIT,
    MOST_VALUES,
    NOT_OURS,
    OF_RECORDS,
    Cursor,
    Query,
    Value,
    each_once,
    flag,
    limit_of,
    moment,
    moment_of,
    packed,
    parse,
    refused,
    stem,
    unknown,
    unpacked,
)

__all__ = [
    "CONTROLS",
    "CURSOR_LENGTH",
    "DEFAULT_LIMIT",
    "MAX_LIMIT",
    "MOST_VALUES",
    "NOT_OURS",
    "OF_RECORDS",
    "Beside",
    "Cursor",
    "Listing",
    "Page",
    "Query",
    "Side",
    "View",
    "count_of",
    "counted",
    "each_once",
    "flag",
    "limit_of",
    "moment_of",
    "narrowed",
    "packed",
    "page",
    "page_below",
    "parse",
    "refused",
    "sorted_time",
    "time_or_earliest",
    "unknown",
    "unpacked",
    "weigh",
]

R = TypeVar("R", bound=Record)
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
SORT_KEY, SORT_ID = "sort_key", "sort_id"
MOST_WRITTEN = 500  # statements of one list
MOST_COUNTED = 10_000
CLOCKS_DIFFER = 3_600_000  # milliseconds
A_DAY = timedelta(days=1)
# How many rows are in a range depends on its value, and so does the plan.
PLANNED_ANEW = {"plan_cache_mode": "force_custom_plan"}
EARLIEST = "'0001-01-01 00:00:00+00'::timestamptz"

Column = InstrumentedAttribute[Any]


def time_or_earliest(column: str) -> str:
    """Return SQL for a time that may be missing, to sort by: what has none comes before the rest,
    so it is last where the newest are first. An index needs this very text."""
    # Not coalesce, which PostgreSQL takes to be leaky: its index would not serve row security.
    return f"(CASE WHEN {column} IS NULL THEN {EARLIEST} ELSE {column} END)"


def sorted_time(column: Column) -> Any:
    """Return the expression of `time_or_earliest` for a list's `sorts`."""
    # With the table's name, because a list may join others.
    text = time_or_earliest(f"{column.class_.__tablename__}.{column.key}")
    return type_coerce(literal_column(text), DateTime(timezone=True))


@dataclass(frozen=True)
class Beside:
    """A table with one row for each record, which some orders and views of a list read.

    `id` is its column with the record's id. If a list is sorted by this table, the table's index
    provides the whole order.
    """

    model: Any
    on: ColumnElement[bool]
    id: Column


@dataclass(frozen=True)
class Side:
    """A table with a row for each of the values that a record has of one kind, to filter by them.

    `value` and `id` are its columns, after the tenant's in its primary key. `matching` returns the
    values of which a record must have one, for a value in the query string.
    """

    model: Any
    value: Column
    id: Column
    matching: Callable[[str], Sequence[str]]

    def values(self, given: Value) -> list[str]:
        """Return the values of which a record must have one."""
        asked = given if isinstance(given, tuple) else (str(given),)
        return sorted({value for one in asked for value in self.matching(one)})

    def array(self, given: Any) -> Any:
        """Return these values as an array. `given` may also be one."""
        if isinstance(given, str | tuple):
            return literal(self.values(given), ARRAY(String))
        return given

    def rows(self, tenant_id: Any, value: Any) -> Select[str]:
        """Select the ids of the records with this value."""
        return select(self.id).where(self.model.tenant_id == tenant_id, self.value == value)


@dataclass(frozen=True)
class View:
    """A named condition on records that an index supports. `sort` is its natural order."""

    label: str
    condition: Callable[[], ColumnElement[bool]]
    sort: str = ""
    beside: bool = False


@dataclass(frozen=True)
class Listing(Generic[R]):
    """Define the filters, orders and views of one resource's list.

    `filters` are compared for equality, and `choices` are the allowed values of some of them.
    `several` are those that take several values, with commas between them: only such whose values
    never have a comma. `apart` are those of them whose values have an index each, and none
    together. `sides` are filters by a value in another table; they take several, too.
    `ranges` are times, or what `sorted_time` makes of them, queried with `<name>_after` and
    `<name>_before` (`created_at` → `created_after`). `days` are columns with the day of some of
    them, which an index has.
    `quick` are the filters, times and `show` for which an index tells how many records match.
    `sorts` maps a name to a column that is never null. `views` are chosen with `show`. `overseen`
    are the filters and times that an admin may use on records that are not open to them: any other,
    and words, find only what is. `beside` is the table that `beside_sorts`, `days` and some of the
    views read. `fingerprint` is the filter to use if the search text is a SHA-256.
    """

    model: type[R]
    filters: Mapping[str, Column] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    several: Collection[str] = ()
    apart: Collection[str] = ()
    sides: Mapping[str, Side] = field(default_factory=dict)
    quick: Collection[str] = ()
    ranges: Mapping[str, Column] = field(default_factory=dict)
    days: Mapping[str, Column] = field(default_factory=dict)
    sorts: Mapping[str, Column] = field(default_factory=dict)
    default_sort: str = "-created_at"
    views: Mapping[str, View] = field(default_factory=dict)
    fingerprint: str = ""
    overseen: Collection[str] = ()
    beside: Beside | None = None
    beside_sorts: Mapping[str, Column] = field(default_factory=dict)
    written: "dict[Any, Statement]" = field(default_factory=dict, init=False, compare=False)

    def column(self, sort: str) -> Column:
        """Return the column of a sort, ascending or descending."""
        name = sort.removeprefix("-")
        return self.beside_sorts[name] if name in self.beside_sorts else self.sorts[name]

    @property
    def sort_names(self) -> list[str]:
        """Return the names that `sort` may have."""
        return sorted({*self.sorts, *self.beside_sorts})

    @property
    def filter_names(self) -> list[str]:
        """Return the parameters that are compared with a value."""
        return ["id", *self.filters, *self.sides]

    def parameters(self) -> frozenset[str]:
        """Return every parameter name that the query string may have."""
        bounds = {f"{stem(name)}_{end}" for name in self.ranges for end in ("after", "before")}
        views = {"show"} if self.views else set()
        return CONTROLS | set(self.filter_names) | bounds | views

    def is_switch(self, name: str) -> bool:
        """Tell whether a filter is either true or false."""
        return name in self.filters and self.filters[name].type.python_type is bool

    def takes_several(self, name: str) -> bool:
        """Tell whether a filter takes several values, with commas between them."""
        return name == "id" or name in self.several or name in self.sides

    def is_closed(self, name: str) -> bool:
        """Tell whether a filter has few possible values."""
        return name in self.choices or self.is_switch(name)

    def condition(self, name: str, value: Any, tenant_id: Any) -> ColumnElement[bool]:
        """Return the condition of a filter. `value` may also be an expression."""
        if side := self.sides.get(name):
            rows = side.rows(tenant_id, any_(side.array(value)))
            found: ColumnElement[bool] = self.model.id.in_(rows)
            return found
        column: Any = self.model.id if name == "id" else self.filters[name]
        if isinstance(value, tuple) and self.is_closed(name):
            return or_(*(column == one for one in value))
        is_one_of: ColumnElement[bool] = column == _any_of(value)
        return is_one_of


def _any_of(value: Any) -> Any:
    return any_(literal(list(value), ARRAY(String))) if isinstance(value, tuple) else value


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of records, with the cursors of the next and the previous page, if any.

    `looked` is set if the page ended early, after looking at so many records: the rest of the list
    may have more, even if `items` is empty.
    """

    items: Sequence[R]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    looked: int | None = None


# ---------------------------------------------------------------- reading a page


def page(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    columns: Sequence[Any] = (),
    also: Sequence[ColumnElement[bool]] = (),
    weights: Sequence[search.Weight] | None = None,
) -> Page[Any]:
    """Return one page of what the actor may see, with a constant number of statements.

    Return records, or rows that begin with `columns` if these are given. `also` are conditions that
    no query string can contain. `weights` are those of the words, if they are known.
    """
    query = _meant(listing, query)
    actor = _asking(actor, listing, query)
    order = _order(listing, query)
    end = _furthest(actor, listing, query, order)
    if end is not None:
        order = order.ending(end[1])
    if columns and not (also or order.spans or query.q or query.tag):
        rows = _read(actor, listing, query, columns, order)
    else:
        statement, words_end = _asked(actor, listing, query, order, also, weights)
        end = words_end or end
        shown = (*(columns or (listing.model,)), *_place_of(order))
        statement = statement.with_only_columns(*shown).limit(query.limit + 1)
        rows = [tuple(row) for row in session.execute(statement)]
    more = len(rows) > query.limit
    rows = rows[: query.limit]
    backward = query.cursor is not None and query.cursor.backward
    if backward:
        rows.reverse()
    if not more and (aside := _end_aside(actor, listing, query, order)) is not None:
        end = aside if end is None else (max if order.downward else min)(end, aside)
    keys = [(row[-2], row[-1]) for row in rows]
    items = rows if columns else [row[0] for row in rows]
    if end is not None and not more:
        return Page(items, *_ways_on(keys, query, end, backward), share(query))
    return Page(items, *_ways(keys, query, more, backward))


def page_below(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    owner: Column,
    record_id: str,
    also: Sequence[ColumnElement[bool]] = (),
) -> Page[Any]:
    """Return one page of the rows whose column `owner` names a record. Find the record first, to
    check that the actor may read it. Such rows are not deleted by themselves."""
    of_one = replace(listing, filters={**listing.filters, "of": owner})
    filters = {**query.filters, "of": record_id}
    return page(actor, of_one, replace(query, filters=filters, include_deleted=True), also=also)


def _meant(listing: Listing[Any], query: Query) -> Query:
    """Return the query with a filter instead of words, if the words are a fingerprint."""
    words = query.q.strip().lower()
    if not listing.fingerprint or not FINGERPRINT.fullmatch(words):
        return query
    return replace(query, q="", filters={**query.filters, listing.fingerprint: words})


def _asking(actor: Actor, listing: Listing[Any], query: Query) -> Actor:
    """Return the actor for this query: what finds a record would tell an admin its settings."""
    times = {key.split()[0] for key in query.bounds}
    tells = (times | query.filters.keys()).difference(listing.overseen, ("id",))
    return as_member(actor) if tells or query.q or query.tag or query.show else actor


def _place_of(order: Order) -> tuple[Any, Any]:
    return order.key.label(SORT_KEY), order.id.label(SORT_ID)


def _read(
    actor: Actor, listing: Listing[Any], query: Query, columns: Sequence[Any], order: Order
) -> list[tuple[Any, ...]]:
    """Return the rows of a query, with a statement that is compiled once for all similar queries.

    Similar queries differ only in their values. A value from a closed set is part of the statement,
    so that PostgreSQL uses its index.
    """
    closed = {name: given for name, given in query.filters.items() if listing.is_closed(name)}
    values: dict[str, Any] = {"tenant_id": actor.tenant_id, "most": query.limit + 1}
    values |= _compared(listing, {n: v for n, v in query.filters.items() if n not in closed})
    values |= listing.model.compares(actor)
    if order.place is not None:
        values |= dict(zip((SORT_KEY, SORT_ID), order.place, strict=True))
    if order.end is not None:
        values["end"] = order.end
    values |= {_bound(key): bound for key, bound in query.bounds.items()}
    ahead = _found_ahead(query) if _is_aside(listing, query, order) else 0
    asked = (query.sort, query.show, query.include_deleted, order.downward, ahead)
    by = (actor.kind, actor.is_admin)
    shape = (tuple(columns), frozenset(values), tuple(closed.items()), asked, by)
    if shape not in listing.written:
        if len(listing.written) >= MOST_WRITTEN:
            listing.written.clear()
        listing.written[shape] = _write(actor, listing, query, columns, order, values)
    return send_alone(listing.written[shape], values, PLANNED_ANEW if query.bounds else {})


def _compared(listing: Listing[Any], filters: Mapping[str, Value]) -> dict[str, Any]:
    """Return the parameters of filters: `is_<name>` for one value, `any_<name>` for several."""
    values: dict[str, Any] = {}
    for name, given in filters.items():
        if side := listing.sides.get(name):
            values[f"any_{name}"] = side.values(given)
        elif isinstance(given, tuple):
            values[f"any_{name}"] = list(given)
        else:
            values[f"is_{name}"] = given
    return values


def _write(
    actor: Actor,
    listing: Listing[Any],
    query: Query,
    columns: Sequence[Any],
    order: Order,
    values: Mapping[str, Any],
) -> Statement:
    """Return the statement with a parameter for each of the values."""
    named: dict[str, Any] = {name: bindparam(name, type_=_type(name)) for name in values}
    compared = ("tenant_id", *listing.model.compares(actor))
    whose = replace(actor, **{name: named[name] for name in compared})
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
    asked = replace(query, filters=filters, bounds=bounds)
    statement, _ = _asked(whose, listing, asked, order, (), most=named["most"])
    statement = statement.with_only_columns(*columns, *_place_of(order))
    return Statement(statement.limit(named["most"]))


def _bound(key: str) -> str:
    return f"bound_{key.replace(' ', '_')}"


def _type(parameter: str) -> Any:
    return DateTime(timezone=True) if parameter.startswith("bound_") else None


def _order(listing: Listing[Any], query: Query) -> Order:
    column = listing.column(query.sort)
    own = listing.model.id
    if listing.beside and _beside(listing, query.sort):
        own = listing.beside.id
    cursor = query.cursor
    return Order(
        own,
        column,
        downward=query.sort.startswith("-") != (cursor is not None and cursor.backward),
        place=(_value(column, cursor), cursor.record_id) if cursor else None,
        spans=tuple(_spans(listing.model, query)),
    )


def _asked(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    order: Order,
    also: Sequence[ColumnElement[bool]],
    weights: Sequence[search.Weight] | None = None,
    most: Any = None,
) -> tuple[Select[Any], Place | None]:
    """Return the page's statement, and the place where the page may end early, or None.

    `most` is the number of its rows and one more, if it is a parameter of the statement.
    """
    conditions = _conditions(actor, listing, query)
    if name := _is_divided(listing, query, order):
        most = query.limit + 1 if most is None else most
        found = _each_by_itself(actor, listing, query, order, name, also, most)
        conditions[name] = listing.model.id == any_(func.array(found))
    if name := _is_aside(listing, query, order):
        ids = _next_ids(actor, listing, query, order, name)
        conditions[name] = listing.model.id == any_(func.array(ids.scalar_subquery()))
    statement = _visible(actor, listing, query).where(*conditions.values(), *also)
    words = search.asked(query.q, query.tag)
    if not words:
        nothing = bool(query.q.strip())  # the text, such as "!?", has no word
        return order.put_on(statement.where(literal(False)) if nothing else statement), None
    rare = [condition for name, condition in conditions.items() if name.split()[0] in listing.quick]
    if actor.app_id is not None:
        rare.append(listing.model.app_scope(actor.app_id, actor.application_id))
    terms = search.Terms(listing.model, actor.tenant_id)
    patience = query.cursor.patience if query.cursor else 0
    return Search(terms, words, order, [*rare, *also], patience, weights).ask(statement)


def weigh(
    actor: Actor, questions: Sequence[tuple[Listing[Any], Query]]
) -> list[list[search.Weight]]:
    """Return the weights of the same words in several lists, with one statement."""
    kinds = []
    for listing, query in questions:
        order = _order(listing, query)
        terms = search.Terms(listing.model, actor.tenant_id)
        kinds.append((terms, order.reach(share(query))))
    return search.weigh_together(search.asked(questions[0][1].q, None), kinds)


def _is_divided(listing: Listing[Any], query: Query, order: Order) -> str:
    """Return a filter by several values whose pages are found apart, or "".

    Only a list by id without words is divided.
    """
    if not order.by_id or query.q or query.tag:
        return ""
    several = (name for name, value in query.filters.items() if isinstance(value, tuple))
    return next((name for name in several if name in listing.apart), "")


def _each_by_itself(
    actor: Actor,
    listing: Listing[Any],
    query: Query,
    order: Order,
    name: str,
    also: Sequence[ColumnElement[bool]],
    most: Any,
) -> ScalarSelect[str]:
    """Select the ids of each value's own page: the page of all values is among them."""
    pages = []
    for value in query.filters[name]:  # type: ignore[union-attr]  # it is a tuple
        one = replace(query, filters={**query.filters, name: value})
        conditions = _conditions(actor, listing, one).values()
        found = order.put_on(_visible(actor, listing, one).where(*conditions, *also))
        pages.append(found.with_only_columns(listing.model.id).limit(most).subquery().select())
    return union_all(*pages).scalar_subquery()


def _is_aside(listing: Listing[Any], query: Query, order: Order) -> str:
    """Return the filter by a side table whose ids are found in order before the records, or "".

    Only a list by id without words has such.
    """
    if not order.by_id or query.q or query.tag:
        return ""
    return next((name for name in query.filters if name in listing.sides), "")


def _found_ahead(query: Query) -> int:
    """Return how many ids of such a filter a page looks at before it ends early."""
    return max(2 * query.limit, 100) << (query.cursor.patience if query.cursor else 0)


def _next_ids(
    actor: Actor, listing: Listing[Any], query: Query, order: Order, name: str
) -> Select[str]:
    """Select the next ids of the filter's values, each value's in the order of its index."""
    ahead, side = _found_ahead(query), listing.sides[name]
    value = func.unnest(side.array(query.filters[name])).table_valued("value").render_derived()
    of_one = order.put_on_ids(side.rows(actor.tenant_id, value.c.value), side.id)
    found = of_one.with_only_columns(side.id.label("id")).limit(ahead).lateral()
    ids = select(found.c.id).select_from(value).join(found, true()).distinct()
    return order.sort(ids, found.c.id).limit(ahead)


def _end_aside(actor: Actor, listing: Listing[Any], query: Query, order: Order) -> Place | None:
    """Return where a page ended early because it looked at enough ids of such a filter."""
    name = _is_aside(listing, query, order)
    if not name:
        return None
    last = _next_ids(actor, listing, query, order, name).offset(_found_ahead(query) - 1).limit(1)
    end = session.scalar(last)
    return (end, end) if end is not None else None


def _furthest(actor: Actor, listing: Listing[Any], query: Query, order: Order) -> Place | None:
    """Return where a page of a list by id with several filters ends early, if it has no words.

    This is a separate query: within the page's statement, PostgreSQL would not use an index for it.
    """
    model = listing.model
    quick = {name: value for name, value in query.filters.items() if name in listing.quick}
    found = [listing.condition(name, value, actor.tenant_id) for name, value in quick.items()]
    if len(found) < 2 or not order.by_id or query.q or query.tag:
        return None
    if actor.app_id is not None:
        found.append(model.app_scope(actor.app_id, actor.application_id))
    furthest = order.furthest(model, actor.tenant_id, found, share(query))
    end = session.execute(select(furthest)).scalar_one()
    return None if end == order.edge else (end, end)


def _beside(listing: Listing[Any], sort: str) -> bool:
    return sort.removeprefix("-") in listing.beside_sorts


def counted(actor: Actor, listing: Listing[Any], query: Query, most: int) -> int:
    """Return the number of records of a query, or `most` if there are more, to limit the cost."""
    some = narrowed(actor, listing, query).with_only_columns(listing.model.id).limit(most)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def count_of(actor: Actor, listing: Listing[Any], query: Query) -> dict[str, Any]:
    """Return the number of records of a query up to MOST_COUNTED, and whether there are more."""
    found = counted(actor, listing, query, MOST_COUNTED + 1)
    return {"value": min(found, MOST_COUNTED), "more_than": found > MOST_COUNTED}


def narrowed(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    """Return the records of a query, without order and pages."""
    query = _meant(listing, query)
    actor = _asking(actor, listing, query)
    conditions = _conditions(actor, listing, query).values()
    statement = _visible(actor, listing, query).where(*conditions)
    if query.q or query.tag:
        statement = search.narrow(statement, listing.model, actor.tenant_id, query.q, query.tag)
    return statement


def _visible(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    model = listing.model
    statement: Select[Any] = model.seen_by(actor)
    if listing.beside and _reads_beside(listing, query):
        statement = statement.join(listing.beside.model, listing.beside.on)
    if not query.include_deleted:
        statement = statement.where(model.is_deleted.is_(False))
    for end, place in _spans(model, query):
        statement = statement.where(model.id >= place if end == "after" else model.id < place)
    return statement


def _reads_beside(listing: Listing[Any], query: Query) -> bool:
    view = listing.views.get(query.show)
    in_days = any(key.split()[0] in listing.days for key in query.bounds)
    return _beside(listing, query.sort) or in_days or bool(view and view.beside)


def _conditions(
    actor: Actor, listing: Listing[Any], query: Query
) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of the filters, the times and the view."""
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
    return found


def _a_day_away(bound: Any, end: str) -> Any:
    try:
        return bound - A_DAY if end == "after" else bound + A_DAY
    except OverflowError:  # there is no day before the first and after the last
        return bound


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


def _spans(model: type[Record], query: Query) -> Iterator[tuple[str, str]]:
    """Yield the bounds of `created_at` as bounds on the id: the list's own index then finds them.

    An id begins with its creation time by the portal's clock, not the database's, hence the hour to
    spare.
    """
    for key, bound in query.bounds.items():
        name, end = key.split()
        if name == "created_at":
            spare = -CLOCKS_DIFFER if end == "after" else CLOCKS_DIFFER
            milliseconds = max(int(bound.timestamp() * 1000) + spare, 0)
            yield end, f"{model.id_prefix}_{ULID(milliseconds.to_bytes(6, 'big') + bytes(10))}"


def _value(column: Column, cursor: Cursor) -> Any:
    if column.type.python_type is datetime:
        return moment("cursor", cursor.value)
    if column.type.python_type is int:
        if not re.fullmatch(r"-?[0-9]{1,18}", cursor.value):
            raise refused("cursor", NOT_OURS)
        return int(cursor.value)
    return cursor.value


def _ways(
    keys: Sequence[Place], query: Query, more: bool, backward: bool
) -> tuple[str | None, str | None]:
    """Return the cursors after the last row and before the first, where there are more rows."""
    if not keys:
        return None, None
    onward = more or backward
    behind = more if backward else query.cursor is not None
    return (
        _cursor_at(query, keys[-1]) if onward else None,
        _cursor_at(query, keys[0], backward=True) if behind else None,
    )


def _ways_on(
    keys: Sequence[Place], query: Query, end: Place, backward: bool
) -> tuple[str | None, str | None]:
    """Return the cursors of a page that ended early: continue at its end, with more patience."""
    patience = min((query.cursor.patience if query.cursor else 0) + 1, MOST_PATIENCE)
    onward = _cursor_at(query, end, backward, patience)
    if query.cursor is None:
        return onward, None
    # Go back from the rows of this page or, if there are none, from the place where it ended.
    back = (keys[-1] if backward else keys[0]) if keys else end
    returning = _cursor_at(query, back, not backward)
    return (returning, onward) if backward else (onward, returning)


def _cursor_at(query: Query, place: Place, backward: bool = False, patience: int = 0) -> str:
    value, record_id = place
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return Cursor(query.sort, text, record_id, backward, patience).encode()


def share(query: Query) -> int:
    """Return how many records a page of this query looks at before it ends early."""
    return SHARE << (query.cursor.patience if query.cursor else 0)
