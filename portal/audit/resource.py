"""REST of the audit log: /api/v1/integration/audit."""

from typing import Any

from flask import Response, request
from pydantic import ConfigDict

from portal.records import listing
from portal.records.audit import trail
from portal.records.audit.models import AuditEntry
from portal.rest.api import actor, fields_of, listed
from portal.rest.openapi import Operation, Parameter
from portal.rest.resources import PAGING, TEXT, HistoryEntry, paging_parameters

MOMENT = {"type": "string", "format": "date-time"}


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
    given = listing.each_once((*PAGING, *trail.FILTERS), request.args)
    entries, next_cursor = trail.log(actor(), trail.question(given), limit=listing.limit_of(given))
    return listed([_document(entry) for entry in entries], next_cursor)


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
        parameters=(
            *paging_parameters(),
            Parameter("record_id", TEXT, "Only entries about this record."),
            Parameter("actor_id", TEXT, "Only what this person or credential did"),
            Parameter("action", TEXT, "Only this action, such as webhook.updated"),
            Parameter("occurred_after", MOMENT, "Only entries from this time on."),
            Parameter("occurred_before", MOMENT, "Only entries from before this time."),
        ),
    ),
)
