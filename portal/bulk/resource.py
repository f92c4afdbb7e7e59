"""REST of bulk jobs: /api/v1/integration/bulk-jobs."""

from collections.abc import Sequence
from typing import Any

from flask import Response, request

from portal.bulk import service
from portal.bulk.acts import taken
from portal.bulk.kinds import KINDS
from portal.bulk.models import ROW_STATES, BulkJob
from portal.bulk.schemas import BulkJobDocument, BulkJobInput, BulkRowDocument
from portal.bulk.selection import MOST
from portal.core.errors import one_of
from portal.records.listing import each_once, limit_of, refused
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import PREFIX, Operation, Parameter
from portal.rest.resources import RETRY, paging_parameters

PAGING = ("limit", "cursor")
TAKEN = "; ".join(taken(KINDS))
NAME = "bulk-jobs"
NOTHING_ASKED: dict[str, Any] = {"filter": {}, "arguments": {}}
STATE = Parameter(
    "state", {"type": "string", "enum": list(ROW_STATES)}, "Only the records in this state."
)


def _document(job: BulkJob) -> dict[str, Any]:
    [document] = _documents([job])
    return document


def _documents(jobs: Sequence[BulkJob]) -> list[dict[str, Any]]:
    """Return jobs as the caller reads them."""
    closed = service.closed(actor(), jobs)
    return [
        fields_of(BulkJobDocument, job) | (NOTHING_ASKED if job.id in closed else {})
        for job in jobs
    ]


def _made(job: BulkJob) -> Outcome:
    return Outcome(_document(job), 201, f"{PREFIX}/{NAME}/{job.id}")


def _create() -> Response:
    no_parameters()
    command = BulkJobInput.read(body())
    return once(lambda: _made(service.create(actor(), command)))


def _list() -> Response:
    given = each_once(PAGING, request.args)
    found, onward = service.page(actor(), limit_of(given), given.get("cursor"))
    return listed(_documents(found), onward)


def _get(id: str) -> Response:
    no_parameters()
    return answer(_document(service.find(actor(), id)))


def _rows(id: str) -> Response:
    given = each_once((*PAGING, "state"), request.args)
    state = given.get("state")
    if state and state not in ROW_STATES:
        raise refused("state", one_of(state, ROW_STATES))
    job = service.find(actor(), id)
    found, onward = service.rows(actor(), job, state, limit_of(given), given.get("cursor"))
    return listed([fields_of(BulkRowDocument, row) for row in found], onward)


def _confirm(id: str) -> Response:
    no_parameters()
    return once(lambda: Outcome(_document(service.confirm(actor(), id)), 202))


def _cancel(id: str) -> Response:
    no_parameters()
    return once(lambda: Outcome(_document(service.cancel(actor(), id)), 200))


def _again(id: str) -> Response:
    no_parameters()
    return once(lambda: _made(service.again(actor(), id)))


def _operation(name: str, path: str, summary: str, **more: Any) -> Operation:
    more.setdefault("answer", BulkJobDocument)
    return Operation(
        resource=NAME, name=name, path=f"/{NAME}{path}", summary=summary, scope="", **more
    )


OPERATIONS = (
    _operation(
        "list", "", "List bulk jobs, newest first",
        method="GET", view=_list, is_list=True, parameters=paging_parameters(),
        description="Return one page of the caller's own bulk jobs; an admin sees those of the"
        " whole tenant. A job is kept for 30 days after it ended, a preview for one.",
    ),
    _operation(
        "create", "", "Preview a change of many records",
        method="POST", view=_create, command=BulkJobInput, status=201, parameters=(RETRY,),
        description=f"Find up to {MOST:,} records by ids or by a filter, and say of each whether it"
        " can be done. Nothing changes until the job is confirmed. It needs the scope of the same"
        " operation on one record. More records, or a wrong filter or argument, are a 422; a"
        " running job of the same kind by the same caller is a 409. An edit changes only the fields"
        f" that are given: {TAKEN}.",
    ),
    _operation(
        "get", "/{id}", "Get one bulk job and its progress",
        method="GET", view=_get,
        description="Return a bulk job with the number of its records in each state.",
    ),
    _operation(
        "list_rows", "/{id}/rows", "List the records of a bulk job, and what became of each",
        method="GET", view=_rows, is_list=True, answer=BulkRowDocument,
        parameters=(*paging_parameters(), STATE),
        description="Return one page of the records of a bulk job: what would change, and what"
        " became of each. With `state=failed`, those that were refused, with the reason. A record"
        " that is for others is left out; an admin reads that it is there and its state.",
    ),
    _operation(
        "confirm", "/{id}/confirmations", "Confirm a bulk job, so that it is done",
        method="POST", view=_confirm, status=202, parameters=(RETRY,),
        description="Let the worker do the job, each record as the same operation would do it, with"
        " the rights that the caller has then. A record that was changed after the preview is"
        " skipped. A job that was confirmed or cancelled, or that can do nothing, is a 409.",
    ),
    _operation(
        "cancel", "/{id}/cancellations", "Cancel a bulk job",
        method="POST", view=_cancel, parameters=(RETRY,),
        description="Do no more of a bulk job. What was done stays done. It can be repeated"
        " safely.",
    ),
    _operation(
        "retry", "/{id}/retries", "Preview a new job for the records that were not done",
        method="POST", view=_again, status=201, parameters=(RETRY,),
        description="Preview the same change for the records that an ended job did not do: those"
        " that failed, were skipped, or were left when it was cancelled. A job that has not ended,"
        " or that did all of its records, is a 409.",
    ),
)  # fmt: skip
