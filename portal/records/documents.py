"""Read records as documents, for programs: as plain rows, or as objects."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel
from sqlalchemy import ColumnElement, bindparam

from portal import fast
from portal.database.actor import Actor
from portal.database.record import Record, find, missing
from portal.database.session import send_alone
from portal.fast.plain_rows import Rows
from portal.records import health, listing
from portal.records.listing import Listing, Query

R = TypeVar("R", bound=Record)


def rows_of(model: type[Record], document: type[BaseModel]) -> Rows:
    """Return the reader of the documents of one kind of record."""
    fields = tuple(document.model_fields)
    return Rows(model, fields, health.expressions(model) if "health" in fields else {})


def one(
    actor: Actor, rows: Rows, record_id: str, *, include_deleted: bool = False
) -> dict[str, Any]:
    """Return the document of the actor's own live record, or also of a deleted one. Raises
    NotFound."""
    if include_deleted or not fast.uses("rows"):
        record = find(rows.model, actor, record_id, include_deleted=include_deleted)
        return rows.model.shown_to(actor, _of_all(rows, [record])[0])
    compared = rows.model.compares(actor)

    def audience() -> ColumnElement[bool] | None:
        named: dict[str, Any] = {name: bindparam(name) for name in compared}
        return rows.model.audience(replace(actor, **named))

    statement = rows.one((actor.kind, actor.is_admin, *compared), audience)
    for row in send_alone(statement, {"tenant_id": actor.tenant_id, "id": record_id, **compared}):
        return rows.model.shown_to(actor, health.with_health(rows.model, rows.document(row)))
    raise missing(rows.model, record_id)


def page(
    actor: Actor, rows: Rows, asked: Listing[R], query: Query
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the documents of one page of a list, and the cursor of the next."""
    if not fast.uses("rows"):
        found = listing.page(actor, asked, query)
        items = _of_all(rows, found.items)
    else:
        # How PostgreSQL finds the records of a narrowed list depends on its values; how it reads
        # their fields does not. So it plans only the first each time: the second takes three times
        # as long.
        of_page = rows.of_page if query.is_narrowed else None
        found = listing.page(actor, asked, query, rows.columns, of_page=of_page)
        items = [health.with_health(rows.model, rows.document(row)) for row in found.items]
    return [rows.model.shown_to(actor, item) for item in items], found.next_cursor


def _of_all(rows: Rows, records: Sequence[Record]) -> list[dict[str, Any]]:
    own = [name for name in rows.fields if name not in rows.also]
    found = [{name: getattr(record, name) for name in own} for record in records]
    if "health" not in rows.also:
        return found
    healths = health.of_all(records)
    return [{**one, "health": healths[one["id"]].document()} for one in found]
