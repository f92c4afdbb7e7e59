"""Read one page of a list."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement

from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import send_alone, session
from portal.fast.plain_rows import PAGE
from portal.fast.statements import Statement
from portal.records.bounded_search import Order, Way
from portal.records.lists.compiled import Row, is_written, read
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
    of_page: Statement | None = None,
) -> Page[Any]:
    """Return one page of what the actor may see, with a constant number of statements.

    Return records, or rows that begin with `columns` if these are given. `also` are conditions that
    no query string can contain. `weights` says how common each word is, if that is known. With
    `of_page`, only ids are searched for, and this statement reads the columns of those that are
    still there (portal.fast.plain_rows).
    """
    query = with_fingerprint(listing, query)
    actor = actor_for(actor, listing, query)
    order = order_of(listing, query)
    end = early_end(actor, listing, query, order)
    if end is not None:
        order = order.ending(end[1])
    search = search_of(actor, listing, query, order, also, weights)
    way = search.way() if search else None
    searched = columns if of_page is None else (listing.model.id,)
    rows, shown = _rows(actor, listing, query, searched, order, also, way, of_page)
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
    items = _items(rows, columns, shown)
    if end is not None and not more:
        return Page(
            items,
            *cursors_of_short_page(keys, query.sort, query.cursor, end, backward),
            share(query),
        )
    return Page(items, *cursors_of_page(keys, query.sort, query.cursor, more, backward))


def _items(
    rows: Sequence[Row], columns: Sequence[Any], shown: Sequence[Row] | None
) -> Sequence[Any]:
    """Return the records of a page, or their columns if `columns` were asked for. `shown` are the
    columns and the id, in any order, if they were read by the ids."""
    if shown is not None:
        by_id = {row[-1]: row for row in shown}
        return [by_id[row[0]] for row in rows if row[0] in by_id]
    return rows if columns else [row[0] for row in rows]


def _rows(
    actor: Actor,
    listing: Listing[R],
    query: Query,
    columns: Sequence[Any],
    order: Order,
    also: Sequence[ColumnElement[bool]],
    way: Way | None,
    of_page: Statement | None,
) -> tuple[list[Row], list[Row] | None]:
    """Return the rows of a page and one more, if there is one, and the rows of `of_page`, if that
    is given. Each of the first ends with its place."""
    if (columns or way) and is_written(listing, query, order, also):
        return read(actor, listing, query, columns, order, way, of_page)
    shown = (*(columns or (listing.model,)), *place_of(order))
    statement = statement_of(actor, listing, query, order, also, way)
    statement = statement.with_only_columns(*shown).limit(query.limit + 1)
    rows = [tuple(row) for row in session.execute(statement)]
    if of_page is None:
        return rows, None
    ids = ",".join(row[0] for row in rows)
    return rows, send_alone(of_page, {"tenant_id": actor.tenant_id}, {PAGE: ids})


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
