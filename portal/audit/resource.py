"""REST of the audit log: /api/v1/integration/audit."""

from typing import Any

from flask import Response, request
from pydantic import ConfigDict
from werkzeug.datastructures import MultiDict

from portal.records import listing
from portal.records.audit import log
from portal.records.audit.models import AuditEntry
from portal.rest.api import actor, fields_of, listed
from portal.rest.openapi import Operation
from portal.rest.resources import HistoryEntry, list_parameters


class LogEntry(HistoryEntry):
    """One entry of the audit log: a change of any record, a sign-in, and the like."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    record_kind: str
    """Kind of the record, such as connector."""
    record_id: str
    """Id of the record."""
    record_name: str
    """Name of the record at the time of the entry."""


def _list() -> Response:
    arguments = MultiDict(request.args)
    if "cursor" in arguments:
        arguments.setlist("cursor", [_of_today(cursor) for cursor in arguments.getlist("cursor")])
    found = log.page(actor(), listing.parse(log.LISTING, arguments, log.NOT_HERE))
    return listed([_document(entry) for entry in found.items], found.next_cursor)


def _of_today(cursor: str) -> str:
    """Return a cursor of today. One of an earlier release, which a program may have kept, was a
    time and an id."""
    try:
        at, entry_id = listing.unpacked(cursor)
    except (ValueError, TypeError):
        return cursor
    return listing.Cursor(log.LISTING.default_sort, str(at), str(entry_id)).encode()


def _document(entry: AuditEntry) -> dict[str, Any]:
    return fields_of(LogEntry, entry)


OPERATIONS = (
    Operation(
        resource="audit",
        name="list",
        method="GET",
        path="/audit",
        summary="List everything that happened in the tenant, newest first",
        description="Return one page of the audit log of the tenant, newest first: every change,"
        " who made it and from where, and the values before and after.",
        scope="audit:read",
        view=_list,
        answer=LogEntry,
        is_list=True,
        parameters=list_parameters(log.LISTING, log.NOT_HERE),
    ),
)
