"""Read records as documents, for programs: as plain rows, or as objects."""

from typing import Any, TypeVar

from portal import fast
from portal.database.actor import Actor
from portal.database.record import Record, find, missing
from portal.database.session import send_alone
from portal.fast.plain_rows import Rows
from portal.records import listing
from portal.records.listing import Listing, Query

R = TypeVar("R", bound=Record)


def one(actor: Actor, rows: Rows, record_id: str) -> dict[str, Any]:
    """Return the document of the actor's own live record. Raises NotFound."""
    if not fast.uses("rows"):
        return _of(rows, find(rows.model, actor, record_id))
    values = {"tenant_id": actor.tenant_id, "id": record_id}
    statement = rows.of_tenant
    if actor.app_id is not None:
        values |= {"app_id": actor.app_id, "application_id": actor.application_id or ""}
        statement = rows.of_application
    for row in send_alone(statement, values):
        return rows.document(row)
    raise missing(rows.model, record_id)


def page(
    actor: Actor, rows: Rows, asked: Listing[R], query: Query
) -> tuple[list[dict[str, Any]], str | None]:
    """Return the documents of one page of a list, and the cursor of the next."""
    if fast.uses("rows"):
        found = listing.page(actor, asked, query, rows.columns)
        return [rows.document(row) for row in found.items], found.next_cursor
    found = listing.page(actor, asked, query)
    return [_of(rows, record) for record in found.items], found.next_cursor


def _of(rows: Rows, record: Record) -> dict[str, Any]:
    return {name: getattr(record, name) for name in rows.fields}
