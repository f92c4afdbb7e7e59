"""Read one page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import session
from portal.records.bounded_search import Order, Way
from portal.records.lists.compiled import is_written, read
from portal.records.lists.cursors import cursors_of_page, cursors_of_short_page
from portal.records.lists.declaration import Column, Listing
from portal.records.lists.page_statement import (
    actor_for,
    early_end,
    early_end_of_side,
    order_of,
    place_of,
    search_of,
    share,
    statement_of,
    with_fingerprint,
)
from portal.records.lists.queries import Query
from portal.records.search import Weight

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class Page(Generic[R]):
    """One page of records, with the cursors of the next and the previous page, if any.

    `looked` is the number of records looked at, if the page ended early: the rest of the list may
    have more, even if `items` is empty.
    """

    items: Sequence[R]
    next_cursor: str | None = None
    previous_cursor: str | None = None
    looked: int | None = None


def page(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    columns: Sequence[Any] = (),
    also: Sequence[ColumnElement[bool]] = (),
    weights: Sequence[Weight] | None = None,
) -> Page[Any]:
    """Return one page of what the actor may see, with a constant number of statements.

    Return records, or rows that begin with `columns` if these are given. `also` are conditions that
    no query string can contain. `weights` says how common each word is, if that is known.
    """
    query = with_fingerprint(listing, query)
    actor = actor_for(actor, listing, query)
    order = order_of(listing, query)
    end = early_end(actor, listing, query, order)
    if end is not None:
        order = order.ending(end[1])
    search = search_of(actor, listing, query, order, also, weights)
    way = search.way() if search else None
    rows = _rows(actor, listing, query, columns, order, also, way)
    more = len(rows) > query.limit
    if search and way and not more:
        end = search.ending(way) or end
    rows = rows[: query.limit]
    backward = query.cursor is not None and query.cursor.backward
    if backward:
        rows.reverse()
    if not more and (aside := early_end_of_side(actor, listing, query, order)) is not None:
        end = aside if end is None else (max if order.downward else min)(end, aside)
    keys = [(row[-2], row[-1]) for row in rows]
    items = rows if columns else [row[0] for row in rows]
    if end is not None and not more:
        return Page(
            items,
            *cursors_of_short_page(keys, query.sort, query.cursor, end, backward),
            share(query),
        )
    return Page(items, *cursors_of_page(keys, query.sort, query.cursor, more, backward))


def _rows(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    columns: Sequence[Any],
    order: Order,
    also: Sequence[ColumnElement[bool]],
    way: Way | None,
) -> list[tuple[Any, ...]]:
    """Return the rows of a page and one more, if there is one. Each ends with its place."""
    if (columns or way) and is_written(listing, query, order, also):
        return read(actor, listing, query, columns, order, way)
    shown = (*(columns or (listing.model,)), *place_of(order))
    statement = statement_of(actor, listing, query, order, also, way)
    statement = statement.with_only_columns(*shown).limit(query.limit + 1)
    return [tuple(row) for row in session.execute(statement)]


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
