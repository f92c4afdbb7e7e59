"""REST of checks: /api/v1/integration/connectors/{id}/checks."""

from dataclasses import asdict
from typing import Any

from flask import Response, request

from portal.connections import requests
from portal.connections.checks.report import Report
from portal.connections.models import ConnectorCheck
from portal.connections.schemas import (
    CheckDocument,
    CheckInput,
    CredentialVersionDocument,
    RestoreInput,
    ResultDocument,
)
from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.database.record import find
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import PREFIX, Operation
from portal.rest.resources import RETRY, list_parameters

BELOW = "/connectors/{id}/checks"


def _ask(id: str) -> Response:
    no_parameters()
    CheckInput.read(body())
    return once(lambda: _queued(id, None))


def _restore(id: str) -> Response:
    no_parameters()
    find(Connector, actor(), id)
    command = RestoreInput.read(body())
    return once(lambda: _queued(id, command.version))


def _queued(id: str, version: int | None) -> Outcome:
    check = requests.ask(actor(), id, restores_version=version)
    location = f"{PREFIX}/connectors/{id}/checks/{check.id}"
    return Outcome(represent(check), 202, location)


def _checks(id: str) -> Response:
    query = listing.parse(requests.LISTING, request.args, listing.OF_RECORDS)
    record = find(Connector, actor(), id, include_deleted=True)
    page = requests.checks(actor(), record, query)
    items = [represent(check) for check in page.items]
    return listed(items, page.next_cursor)


def _check(id: str, check_id: str) -> Response:
    no_parameters()
    record = find(Connector, actor(), id, include_deleted=True)
    return answer(represent(requests.check(actor(), record, check_id)))


def _versions(id: str) -> Response:
    no_parameters()
    record = find(Connector, actor(), id, include_deleted=True)
    names = CredentialVersionDocument.model_fields
    items = [
        {name: getattr(version, name) for name in names}
        for version in requests.versions(actor(), record)
    ]
    return listed(items, None)


def _draft() -> Response:
    no_parameters()
    actor().require(requests.WRITE)
    return answer(of_report(requests.check_draft(actor(), ConnectorInput.read(body()))))


def represent(check: ConnectorCheck) -> dict[str, Any]:
    """Return a check as the API returns it."""
    return fields_of(CheckDocument, check)


def of_report(report: Report) -> dict[str, Any]:
    """Return what a check found, as the API returns it."""
    found = fields_of(ResultDocument, report)
    return {**found, "steps": [asdict(step) for step in report.steps]}


OPERATIONS = (
    Operation(
        resource="connectors",
        name="check",
        method="POST",
        path=BELOW,
        summary="Ask for a check of a connector",
        description="Ask for a check of the connection with the saved settings and"
        " credentials. The worker runs it: read the result under `Location`"
        " a moment later. A draft, or a connector with a check that is"
        " still open, is a 409; too many checks are a 429.",
        scope="connectors:write",
        record=Connector,
        view=_ask,
        command=CheckInput,
        answer=CheckDocument,
        status=202,
        parameters=(RETRY,),
    ),
    Operation(
        resource="connectors",
        name="list_checks",
        method="GET",
        path=BELOW,
        summary="List the checks of a connector",
        description="Return one page of the checks of a connector, deleted or not,"
        " newest first, each with its steps.",
        scope="connectors:read",
        view=_checks,
        answer=CheckDocument,
        is_list=True,
        parameters=list_parameters(requests.LISTING, listing.OF_RECORDS),
    ),
    Operation(
        resource="connectors",
        name="get_check",
        method="GET",
        path=BELOW + "/{check_id}",
        summary="Get one check, with its steps",
        description="Return one check with its steps. Until it is done, `outcome` is null.",
        scope="connectors:read",
        view=_check,
        answer=CheckDocument,
    ),
    Operation(
        resource="connectors",
        name="check_draft",
        method="POST",
        path="/connectors/draft-checks",
        summary="Check settings and credentials that are not saved",
        description="Check settings and credentials that are not saved, and return the"
        " result. Nothing is stored. Settings that break a rule of the"
        " provider are a 422.",
        scope="connectors:write",
        view=_draft,
        command=ConnectorInput,
        answer=ResultDocument,
        body_required=True,
        cannot_validate="This is a check itself: it asks the provider, and stores nothing.",
    ),
    Operation(
        resource="connectors",
        name="list_credential_versions",
        method="GET",
        path="/connectors/{id}/credential-versions",
        summary="List the versions of a connector's credentials",
        description="Return the versions of a connector's credentials that the secret"
        " store keeps, the newest first: the names of their fields and who saved"
        " them, never a value. These are the last ten, and none from before a"
        " removal of the credentials. An operator may have set a Vault to keep"
        " fewer.",
        scope="connectors:read",
        view=_versions,
        answer=CredentialVersionDocument,
        is_list=True,
    ),
    Operation(
        resource="connectors",
        name="restore_credentials",
        method="POST",
        path="/connectors/{id}/credential-restorations",
        summary="Restore an older version of the credentials",
        description="Save an older version of the credentials as the newest one, and"
        " check it. The worker does it: read the result under `Location`. A"
        " connector with a check that is still open is a 409.",
        scope="connectors:write",
        record=Connector,
        view=_restore,
        command=RestoreInput,
        answer=CheckDocument,
        status=202,
        parameters=(RETRY,),
    ),
)
