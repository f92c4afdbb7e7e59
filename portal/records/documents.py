"""Read records as documents, for programs: as plain rows, or as objects."""

from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, bindparam

from portal import fast
from portal.database.actor import Actor
from portal.database.record import Record, find, missing
from portal.database.session import send_alone
from portal.fast.plain_rows import Rows
from portal.records import listing
from portal.records.listing import Listing, Query

R = TypeVar("R", bound=Record)


def one(
    actor: Actor, rows: Rows, record_id: str, *, include_deleted: bool = False
) -> dict[str, Any]:
    """Return the document of the actor's own live record, or also of a deleted one. Raises
    NotFound."""
    if include_deleted or not fast.uses("rows"):
        record = find(rows.model, actor, record_id, include_deleted=include_deleted)
        return rows.model.shown_to(actor, _of(rows, record))
    compared = rows.model.compares(actor)

    def audience() -> ColumnElement[bool] | None:
        named: dict[str, Any] = {name: bindparam(name) for name in compared}
        return rows.model.audience(replace(actor, **named))

    statement = rows.one((actor.kind, actor.is_admin, *compared), audience)
    for row in send_alone(statement, {"tenant_id": actor.tenant_id, "id": record_id, **compared}):
        return rows.model.shown_to(actor, rows.document(row))
    raise missing(rows.model, record_id)


def page(
    actor: Actor, rows: Rows, asked: Listing[R], query: Query
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the documents of one page of a list, and the cursor of the next."""
    if fast.uses("rows"):
        found = listing.page(actor, asked, query, rows.columns)
        items = [rows.document(row) for row in found.items]
    else:
        found = listing.page(actor, asked, query)
        items = [_of(rows, record) for record in found.items]
    return [rows.model.shown_to(actor, item) for item in items], found.next_cursor


def _of(rows: Rows, record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in rows.fields}
