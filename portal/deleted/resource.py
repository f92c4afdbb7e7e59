"""REST of deleted records: /api/v1/integration/deleted."""

from collections.abc import Sequence
from datetime import datetime

from flask import Response, request
from pydantic import BaseModel, ConfigDict

from portal.deleted import records
from portal.rest.api import actor, fields_of, listed
from portal.rest.openapi import Operation, Parameter
from portal.rest.resources import TEXT, paging_parameters


class DeletedDocument(BaseModel):
    """A deleted record that is not purged yet."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    resource: str
    """Resource of the record, as paths name it, such as webhooks. Its `restore` restores the
    record."""
    id: str
    """Id of the record."""
    name: str
    """Name of the record."""
    deleted_at: datetime
    """Time when it was deleted."""
    deleted_by: str | None
    """Id of the person or credential that deleted it."""
    deleted_by_name: str | None
    """Name of who deleted it, at that time."""
    restorable_until: datetime
    """Time after which it is purged and cannot be restored."""
    obstacle: str | None
    """Reason for which the caller cannot restore it now. null: it can be restored."""


def _list() -> Response:
    query = records.parse(request.args)
    page = records.page(actor(), query)
    return listed([fields_of(DeletedDocument, one) for one in page.items], page.next_cursor)


def list_of(kinds: Sequence[str]) -> Operation:
    """Return the operation that lists the deleted records of these resources."""
    kind = {"type": "string", "enum": list(kinds)}
    return Operation(
        resource="deleted",
        name="list",
        method="GET",
        path="/deleted",
        summary="List the deleted records of every kind that can be restored",
        description="Return one page of the records that were deleted in the last 30 days, of"
        " every kind that the caller may read, newest first. A record is restored with the"
        " operation of its own resource, such as `POST /webhooks/{id}/restore`.",
        scope="",
        view=_list,
        answer=DeletedDocument,
        is_list=True,
        parameters=(
            *paging_parameters(),
            Parameter("kind", kind, "Only records of this resource, such as webhooks."),
            Parameter(
                "q",
                TEXT,
                "Words, matched by prefix. A page may end early, even empty: go on while"
                " there is a next_cursor.",
            ),
        ),
    )
