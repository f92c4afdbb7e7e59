"""Write the statement of a page, so that it looks at a limited number of records."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    any_,
    func,
    literal,
    select,
    true,
    union_all,
)

from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.record import Record
from portal.database.session import session
from portal.records import search
from portal.records.bounded_search import SHARE, Order, Place, Search, Way
from portal.records.lists import cursors
from portal.records.lists.conditions import conditions_of, is_beside, spans, visible
from portal.records.lists.declaration import FINGERPRINT, Listing
from portal.records.lists.queries import Query

R = TypeVar("R", bound=Record)
SORT_KEY, SORT_ID = "sort_key", "sort_id"


def with_fingerprint(listing: Listing[Any], query: Query) -> Query:
    """Return the query with a filter instead of words, if the words are a fingerprint."""
    words = query.q.strip().lower()
    if not listing.fingerprint or not FINGERPRINT.fullmatch(words):
        return query
    return replace(query, q="", filters={**query.filters, listing.fingerprint: words})


def actor_for(actor: Actor, listing: Listing[Any], query: Query) -> Actor:
    """Return the actor for this query: what finds a record would tell an admin its settings."""
    times = {key.split()[0] for key in query.bounds}
    compared = {clause.name for clause in (*query.clauses, *query.either)}
    tells = (times | query.filters.keys() | compared).difference(listing.overseen, ("id",))
    return as_member(actor) if tells or query.q or query.tag or query.show else actor


def place_of(order: Order) -> tuple[Any, Any]:
    """Return the columns that a cursor is made of."""
    return order.key.label(SORT_KEY), order.id.label(SORT_ID)


def order_of(listing: Listing[Any], query: Query) -> Order:
    """Return the order of a page, which begins after the query's cursor."""
    column = listing.column(query.sort)
    own = listing.model.id
    if listing.beside and is_beside(listing, query.sort):
        own = listing.beside.id
    cursor = query.cursor
    return Order(
        own,
        column,
        downward=query.sort.startswith("-") != (cursor is not None and cursor.backward),
        place=(cursors.value_of(column, cursor), cursor.record_id) if cursor else None,
        spans=tuple(spans(listing, query)),
        is_keyed=listing.is_keyed,
    )


def search_of(
    actor: Actor,
    listing: Listing[Any],
    query: Query,
    order: Order,
    also: Sequence[ColumnElement[bool]] = (),
    weights: Sequence[search.Weight] | None = None,
) -> Search | None:
    """Return the search that finds the page's records, or None if no words or clauses narrow it."""
    words = search.words_of(query.q, query.tag)
    if not words and (query.q.strip() or side_filter(listing, query, order) or not query.is_loose):
        return None
    conditions = conditions_of(actor, listing, query)
    rare = _rare(listing, query, conditions)
    rare += _of_app(actor, listing)
    terms = search.Terms(listing.model, actor.tenant_id)
    patience = query.cursor.patience if query.cursor else 0
    guide = () if words else _guide(listing, query, order, conditions)
    few = [] if guide else [*rare, *also]  # the guide's index finds its few records as quickly
    return Search(terms, words, order, few, patience, weights, guide)


def statement_of(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    order: Order,
    also: Sequence[ColumnElement[bool]],
    way: Way | None = None,
    most: Any = None,
) -> Select[Any]:
    """Return the page's statement. `way` is the way of its search, if there is one.

    `most` is the number of its rows and one more, if it is a parameter of the statement.
    """
    conditions = conditions_of(actor, listing, query)
    if name := _divided_filter(listing, query, order):
        most = query.limit + 1 if most is None else most
        found = _each_by_itself(actor, listing, query, order, name, also, most)
        conditions[name] = listing.model.id == any_(func.array(found))
    if name := side_filter(listing, query, order):
        ids = _next_ids(actor, listing, query, order, name)
        conditions[name] = listing.model.id == any_(func.array(ids.scalar_subquery()))
    statement = visible(actor, listing, query).where(*conditions.values(), *also)
    looked = search_of(actor, listing, query, order, also)
    if looked is not None and way is not None:
        return looked.write(statement, way)
    if query.q.strip():  # the text, such as "!?", has no word
        statement = statement.where(literal(False))
    return order.put_on(statement)


def _rare(
    listing: Listing[Any], query: Query, conditions: dict[str, ColumnElement[bool]]
) -> list[ColumnElement[bool]]:
    """Return the conditions for which an index tells quickly whether they have few records."""
    view = listing.views.get(query.show)
    names = set(listing.quick).difference({"show"} if view and view.beside else ())
    narrowed = (*query.filters, *query.bounds, "show")
    return [conditions[key] for key in narrowed if key in conditions and key.split()[0] in names]


def _of_app(actor: Actor, listing: Listing[Any]) -> list[ColumnElement[bool]]:
    """Return the condition for the records of the caller's application, if it has one. Of rows that
    are no records, the statement itself selects those."""
    if actor.app_id is None or not issubclass(listing.model, Record):
        return []
    return [listing.model.app_scope(actor.app_id, actor.application_id)]


def _guide(
    listing: Listing[Any],
    query: Query,
    order: Order,
    conditions: dict[str, ColumnElement[bool]],
) -> Sequence[ColumnElement[bool]]:
    """Return conditions whose index has their records in the order of the list, if there are any.

    Only these are then looked at, and not the whole list.
    """
    view = listing.views.get(query.show)
    if view and not view.beside and (view.sort == query.sort or (not view.sort and order.by_id)):
        return (conditions["show"],)
    quick = next((name for name in query.filters if name in listing.quick), "")
    found = [conditions[quick]] if quick and (order.by_id or listing.is_keyed) else []
    if listing.is_keyed:
        found += [conditions[key] for key in query.bounds]  # of the sort's column, the only time
    return found


def guided_ids(actor: Actor, listing: Listing[Any], query: Query, ids: Select[Any]) -> Select[Any]:
    """Return the ids that are compared with the clauses of a query, the newest first."""
    plain = replace(query, sort="-created_at", cursor=None)
    order = Order(listing.model.id, listing.model.id, downward=True)
    guide = _guide(listing, plain, order, conditions_of(actor, listing, plain))
    return order.put_on_ids(ids.where(*guide), listing.model.id)


def weigh(
    actor: Actor, questions: Sequence[tuple[Listing[Any], Query]], also: Sequence[Any] = ()
) -> list[list[search.Weight]]:
    """Return the weights of the same words in several lists, with one statement; then those in the
    terms of other models that are searched, `also`."""
    kinds: list[tuple[search.Terms, search.Reach | None]] = []
    for listing, query in questions:
        order = order_of(listing, query)
        terms = search.Terms(listing.model, actor.tenant_id)
        kinds.append((terms, order.reach(share(query))))
    kinds += [(search.Terms(model, actor.tenant_id), None) for model in also]
    return search.weigh_together(search.words_of(questions[0][1].q, None), kinds)


def _divided_filter(listing: Listing[Any], query: Query, order: Order) -> str:
    """Return a filter by several values whose pages are found apart, or "".

    Only a list by id without words and clauses is divided.
    """
    if not order.by_id or query.q or query.tag or query.is_loose:
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
        conditions = conditions_of(actor, listing, one).values()
        found = order.put_on(visible(actor, listing, one).where(*conditions, *also))
        pages.append(found.with_only_columns(listing.model.id).limit(most).subquery().select())
    return union_all(*pages).scalar_subquery()


def side_filter(listing: Listing[Any], query: Query, order: Order) -> str:
    """Return the filter by a side table whose ids are found in order before the records, or "".

    Only a list by id without words has such.
    """
    if not order.by_id or query.q or query.tag:
        return ""
    return next((name for name in query.filters if name in listing.sides), "")


def ids_ahead(query: Query) -> int:
    """Return how many ids of such a filter a page looks at before it ends early."""
    return max(2 * query.limit, 100) << (query.cursor.patience if query.cursor else 0)


def _next_ids(
    actor: Actor, listing: Listing[Any], query: Query, order: Order, name: str
) -> Select[str]:
    """Select the next ids of the filter's values, each value's in the order of its index."""
    ahead, side = ids_ahead(query), listing.sides[name]
    value = func.unnest(side.array(query.filters[name])).table_valued("value").render_derived()
    of_one = order.put_on_ids(side.rows(actor.tenant_id, value.c.value), side.id)
    found = of_one.with_only_columns(side.id.label("id")).limit(ahead).lateral()
    ids = select(found.c.id).select_from(value).join(found, true()).distinct()
    return order.sort(ids, found.c.id).limit(ahead)


def early_end_of_side(
    actor: Actor, listing: Listing[Any], query: Query, order: Order
) -> Place | None:
    """Return where a page ended early because it looked at enough ids of such a filter."""
    name = side_filter(listing, query, order)
    if not name:
        return None
    last = _next_ids(actor, listing, query, order, name).offset(ids_ahead(query) - 1).limit(1)
    end = session.scalar(last)
    return (end, end) if end is not None else None


def early_end(actor: Actor, listing: Listing[Any], query: Query, order: Order) -> Place | None:
    """Return where a page of a list by id with several filters ends early, if it has no words.

    This is a separate query: within the page's statement, PostgreSQL would not use an index for it.
    """
    quick = {name: value for name, value in query.filters.items() if name in listing.quick}
    if len(quick) < 2 or not order.by_id or query.q or query.tag or query.is_loose:
        return None
    found = [listing.condition(name, value, actor.tenant_id) for name, value in quick.items()]
    found += _of_app(actor, listing)
    furthest = order.furthest(listing.model, actor.tenant_id, found, share(query))
    end = session.execute(select(furthest)).scalar_one()
    return None if end == order.edge else (end, end)


def share(query: Query) -> int:
    """Return how many records a page of this query looks at before it ends early."""
    return SHARE << (query.cursor.patience if query.cursor else 0)
