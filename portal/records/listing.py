"""Filter, search, sort and page lists, in the same way for web pages and for REST.

A page begins after the sort key of a row, not after a number of counted rows, so the last page
costs as much as the first. Orders are total: every sort ends with the id.
"""

import base64
import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, func, literal, select
from sqlalchemy.orm import InstrumentedAttribute
from ulid import ULID

from portal.core.errors import BadRequest, FieldError, did_you_mean, one_of
from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.record import Record
from portal.database.session import send_alone, session
from portal.fast.statements import Statement
from portal.records import search
from portal.records.bounded_search import MOST_PATIENCE, SHARE, Order, Place, Search

R = TypeVar("R", bound=Record)
DEFAULT_LIMIT = 50
MAX_LIMIT = 200
CURSOR_LENGTH = 1000
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
SORT_KEY, SORT_ID = "sort_key", "sort_id"
MOST_WRITTEN = 500  # statements of one list
CLOCKS_DIFFER = 3_600_000  # milliseconds
NOT_OURS = "This cursor does not belong to this list. Start from the first page."
OF_RECORDS = frozenset({"q", "tag", "include_deleted"})  # a list of other rows has none of these
CONTROLS = frozenset({"limit", "cursor", "sort"}) | OF_RECORDS

Column = InstrumentedAttribute[Any]


class Arguments(Protocol):
    """A parsed query string: werkzeug's MultiDict."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


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
    `ranges` are times, queried with `<name>_after` and `<name>_before` (`created_at` →
    `created_after`). `quick` are the filters, times and `show` for which an index tells how many
    records match. `sorts` maps a name to a column that is never null. `views` are chosen with
    `show`. `overseen` are the filters and times that an admin may use on records that are not open
    to them: any other, and words, find only what is. `beside` is the table that `beside_sorts` and
    some of the views read. `fingerprint` is the filter to use if the search text is a SHA-256.
    """

    model: type[R]
    filters: Mapping[str, Column] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    quick: Collection[str] = ()
    ranges: Mapping[str, Column] = field(default_factory=dict)
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

    def parameters(self) -> frozenset[str]:
        """Return every parameter name that the query string may have."""
        bounds = {f"{_stem(name)}_{end}" for name in self.ranges for end in ("after", "before")}
        views = {"show"} if self.views else set()
        return CONTROLS | set(self.filters) | bounds | views


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a list that has already been checked."""

    filters: Mapping[str, str | bool] = field(default_factory=dict)
    bounds: Mapping[str, datetime] = field(default_factory=dict)
    q: str = ""
    tag: str | None = None
    sort: str = "-created_at"
    limit: int = DEFAULT_LIMIT
    cursor: "Cursor | None" = None
    show: str = ""
    include_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: its sort, its row, and the direction to continue in.

    `patience` is how many pages in a row before it ended early (`portal.records.bounded_search`).
    """

    sort: str
    value: str
    record_id: str
    backward: bool = False
    patience: int = 0

    def encode(self) -> str:
        """Return an opaque text for a URL."""
        parts = [self.sort, self.value, self.record_id, self.backward, self.patience]
        return packed(parts)


def packed(parts: Any) -> str:
    """Return JSON as an opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def unpacked(text: str) -> Any:
    """Return the JSON of an opaque text. Raises ValueError for any other text."""
    if len(text) > CURSOR_LENGTH:
        raise ValueError("too long")
    padded = text + "=" * (-len(text) % 4)
    try:
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except RecursionError as error:
        raise ValueError("too deep") from error


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


# ---------------------------------------------------------------- parsing the query


def parse(listing: Listing[Any], arguments: Arguments, without: Collection[str] = ()) -> Query:
    """Return the checked query in a query string. Raise BadRequest that names a wrong parameter.

    `without` are parameters of the listing that this query string must not have.
    """
    given = _each_once(listing.parameters().difference(without), arguments)
    show = given.get("show", "")
    if show and show not in listing.views:
        raise refused("show", one_of(show, listing.views))
    natural = listing.views[show].sort if show else ""
    sort = given.get("sort") or natural or listing.default_sort
    if sort.removeprefix("-") not in {*listing.sorts, *listing.beside_sorts}:
        offered = sorted({*listing.sorts, *listing.beside_sorts})
        near = did_you_mean(sort.removeprefix("-"), offered)
        names = ", ".join(offered)
        raise refused("sort", f"Choose one of {names}, with - for down.{near}")
    return Query(
        filters=_filters(listing, given),
        bounds=_bounds(listing, given),
        q=given.get("q", "")[:400],
        tag=given.get("tag") or None,
        sort=sort,
        limit=_limit(given.get("limit")),
        cursor=_cursor(given.get("cursor"), sort),
        show=show,
        include_deleted=_truth("include_deleted", given.get("include_deleted", "false")),
    )


def _each_once(known: Collection[str], arguments: Arguments) -> dict[str, str]:
    given = {}
    for name in arguments:
        values = arguments.getlist(name)
        if name not in known:
            raise unknown(name, known)
        if len(values) > 1:
            raise refused(name, "Give this parameter once.")
        if "\x00" in values[0]:
            raise refused(name, "This has a character that is not allowed.")
        given[name] = values[0]
    return given


def flag(arguments: Mapping[str, str], name: str) -> bool:
    """Return a parameter that is true or false, and false when it is left out."""
    return _truth(name, arguments.get(name, "false"))


def unknown(name: str, known: Collection[str]) -> BadRequest:
    """Return the error for a parameter that is none of the known ones."""
    near = did_you_mean(name, sorted(known))
    return refused(name, f"There is no parameter of this name.{near}")


def refused(name: str, message: str) -> BadRequest:
    """Return the error for one parameter of the query string."""
    shown = name[:60].encode("utf-8", "replace").decode()
    return BadRequest(f"{shown}: {message}", errors=[FieldError(shown, message)])


def _limit(value: str | None) -> int:
    if not value:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit() and len(value) < 5):
        raise refused("limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    if not 1 <= int(value) <= MAX_LIMIT:
        raise refused("limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    return int(value)


def _truth(name: str, value: str) -> bool:
    if value not in ("true", "false", ""):
        raise refused(name, "Give true or false.")
    return value == "true"


def _filters(listing: Listing[Any], given: Mapping[str, str]) -> dict[str, str | bool]:
    filters: dict[str, str | bool] = {}
    for name, column in listing.filters.items():
        value = given.get(name, "")
        if value == "":
            continue
        if column.type.python_type is bool:
            filters[name] = _truth(name, value)
            continue
        if name in listing.choices and value not in listing.choices[name]:
            raise refused(name, one_of(value, listing.choices[name]))
        filters[name] = value
    return filters


def _stem(name: str) -> str:
    return name.removesuffix("_at")


def _bounds(listing: Listing[Any], given: Mapping[str, str]) -> dict[str, datetime]:
    bounds = {}
    for name in listing.ranges:
        for end in ("after", "before"):
            parameter = f"{_stem(name)}_{end}"
            if value := given.get(parameter):
                bounds[f"{name} {end}"] = _moment(parameter, value)
    return bounds


def _moment(parameter: str, value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise refused(parameter, "Give a date and time such as 2026-01-31T09:00:00Z.") from None


def _cursor(value: str | None, sort: str) -> Cursor | None:
    if not value:
        return None
    try:
        cursor = Cursor(*unpacked(value))
    except (ValueError, TypeError):
        raise refused("cursor", NOT_OURS) from None
    texts = (cursor.sort, cursor.value, cursor.record_id)
    readable = all(isinstance(part, str) and part.isprintable() for part in texts)
    if not readable or not isinstance(cursor.backward, bool) or cursor.sort != sort:
        raise refused("cursor", NOT_OURS)
    if type(cursor.patience) is not int or not 0 <= cursor.patience <= MOST_PATIENCE:
        raise refused("cursor", NOT_OURS)
    return cursor


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
    if columns and not (also or query.bounds or query.q or query.tag):
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
    keys = [(row[-2], row[-1]) for row in rows]
    items = rows if columns else [row[0] for row in rows]
    if end is not None and not more:
        return Page(items, *_ways_on(keys, query, end, backward), share(query))
    return Page(items, *_ways(keys, query, more, backward))


def page_below(
    actor: Actor, listing: Listing[R], query: Query, owner: Column, record_id: str
) -> Page[Any]:
    """Return one page of the rows whose column `owner` names a record. Find the record first, to
    check that the actor may read it. Such rows are not deleted by themselves."""
    of_one = replace(listing, filters={**listing.filters, "of": owner})
    filters = {**query.filters, "of": record_id}
    return page(actor, of_one, replace(query, filters=filters, include_deleted=True))


def _meant(listing: Listing[Any], query: Query) -> Query:
    """Return the query with a filter instead of words, if the words are a fingerprint."""
    words = query.q.strip().lower()
    if not listing.fingerprint or not FINGERPRINT.fullmatch(words):
        return query
    return replace(query, q="", filters={**query.filters, listing.fingerprint: words})


def _asking(actor: Actor, listing: Listing[Any], query: Query) -> Actor:
    """Return the actor for this query: what finds a record would tell an admin its settings."""
    times = {key.split()[0] for key in query.bounds}
    tells = (times | query.filters.keys()).difference(listing.overseen)
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
    closed = {name: given for name, given in query.filters.items() if _is_closed(listing, name)}
    values: dict[str, Any] = {"tenant_id": actor.tenant_id, "most": query.limit + 1}
    values |= {f"is_{name}": given for name, given in query.filters.items() if name not in closed}
    values |= listing.model.compares(actor)
    if order.place is not None:
        values |= dict(zip((SORT_KEY, SORT_ID), order.place, strict=True))
    if order.end is not None:
        values["end"] = order.end
    asked = (query.sort, query.show, query.include_deleted, order.downward)
    by = (actor.kind, actor.is_admin)
    shape = (tuple(columns), frozenset(values), tuple(closed.items()), asked, by)
    if shape not in listing.written:
        if len(listing.written) >= MOST_WRITTEN:
            listing.written.clear()
        listing.written[shape] = _write(actor, listing, query, columns, order, values)
    return send_alone(listing.written[shape], values)


def _is_closed(listing: Listing[Any], name: str) -> bool:
    return name in listing.choices or listing.filters[name].type.python_type is bool


def _write(
    actor: Actor,
    listing: Listing[Any],
    query: Query,
    columns: Sequence[Any],
    order: Order,
    values: Mapping[str, Any],
) -> Statement:
    """Return the statement with a parameter for each of the values."""
    named: dict[str, Any] = {name: bindparam(name) for name in values}
    compared = ("tenant_id", *listing.model.compares(actor))
    whose = replace(actor, **{name: named[name] for name in compared})
    filters = {name: named.get(f"is_{name}", given) for name, given in query.filters.items()}
    if order.place is not None:
        order = replace(order, place=(named[SORT_KEY], named[SORT_ID]))
    if order.end is not None:
        order = order.ending(named["end"])
    statement, _ = _asked(whose, listing, replace(query, filters=filters), order, ())
    statement = statement.with_only_columns(*columns, *_place_of(order))
    return Statement(statement.limit(named["most"]))


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
) -> tuple[Select[Any], Place | None]:
    """Return the page's statement, and the place where the page may end early, or None."""
    conditions = _conditions(listing, query)
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


def _furthest(actor: Actor, listing: Listing[Any], query: Query, order: Order) -> Place | None:
    """Return where a page of a list by id with several filters ends early, if it has no words.

    This is a separate query: within the page's statement, PostgreSQL would not use an index for it.
    """
    model = listing.model
    asked = query.filters.items()
    found = [listing.filters[name] == value for name, value in asked if name in listing.quick]
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


def narrowed(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    """Return the records of a query, without order and pages."""
    query = _meant(listing, query)
    actor = _asking(actor, listing, query)
    conditions = _conditions(listing, query).values()
    statement = _visible(actor, listing, query).where(*conditions)
    if query.q or query.tag:
        statement = search.narrow(statement, listing.model, actor.tenant_id, query.q, query.tag)
    return statement


def _visible(actor: Actor, listing: Listing[R], query: Query) -> Select[Any]:
    model = listing.model
    statement: Select[Any] = model.seen_by(actor)
    view = listing.views.get(query.show)
    if listing.beside and (_beside(listing, query.sort) or (view and view.beside)):
        statement = statement.join(listing.beside.model, listing.beside.on)
    if not query.include_deleted:
        statement = statement.where(model.is_deleted.is_(False))
    for end, place in _spans(model, query):
        statement = statement.where(model.id >= place if end == "after" else model.id < place)
    return statement


def _conditions(listing: Listing[Any], query: Query) -> dict[str, ColumnElement[bool]]:
    """Return the conditions of the filters, the times and the view."""
    found = {name: listing.filters[name] == value for name, value in query.filters.items()}
    for key, moment in query.bounds.items():
        name, end = key.split()
        column = listing.ranges[name]
        found[key] = column >= moment if end == "after" else column < moment
    if query.show:
        found["show"] = listing.views[query.show].condition()
    return found


def _spans(model: type[Record], query: Query) -> Iterator[tuple[str, str]]:
    """Yield the bounds of `created_at` as bounds on the id: the list's own index then finds them.

    An id begins with its creation time by the portal's clock, not the database's, hence the hour to
    spare.
    """
    for key, moment in query.bounds.items():
        name, end = key.split()
        if name == "created_at":
            spare = -CLOCKS_DIFFER if end == "after" else CLOCKS_DIFFER
            milliseconds = max(int(moment.timestamp() * 1000) + spare, 0)
            yield end, f"{model.id_prefix}_{ULID(milliseconds.to_bytes(6, 'big') + bytes(10))}"


def _value(column: Column, cursor: Cursor) -> Any:
    if column.type.python_type is datetime:
        return _moment("cursor", cursor.value)
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
