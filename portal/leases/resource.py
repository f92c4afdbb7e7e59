"""REST of leases: /api/v1/integration/connectors/{id}/leases."""

from typing import Any

from flask import Response, request

from portal.connectors.models import Connector
from portal.core import compression
from portal.database import dry_run
from portal.database.record import find
from portal.leases import service
from portal.leases.models import ConnectorLease
from portal.leases.schemas import GivenDocument, LeaseDocument, LeaseInput
from portal.records import listing
from portal.rest.api import actor, answer, body, fields_of, listed, no_parameters
from portal.rest.openapi import Operation
from portal.rest.resources import list_parameters

BELOW = "/connectors/{id}/leases"


def _take(id: str) -> Response:
    no_parameters()
    LeaseInput.read(body())
    # No Idempotency-Key: an answer that is kept would have no values, and one more lease does no
    # harm.
    given = service.take(actor(), id)
    compression.leave_plain()
    document = {name: given.lease[name] for name in LeaseDocument.model_fields}
    values = dict.fromkeys(given.values) if dry_run.is_on() else given.values
    document |= {"lease_seconds": given.seconds, **values}
    return answer(document, 201)


def _leases(id: str) -> Response:
    query = listing.parse(service.LISTING, request.args, listing.OF_RECORDS)
    record = find(Connector, actor(), id, include_deleted=True)
    page = service.leases(actor(), record, query)
    items = [represent(lease) for lease in page.items]
    return listed(items, page.next_cursor)


def represent(lease: ConnectorLease) -> dict[str, Any]:
    """Return a lease as the API returns it."""
    return fields_of(LeaseDocument, lease)


OPERATIONS = (
    Operation(
        resource="connectors",
        name="take_lease",
        method="POST",
        path=BELOW,
        summary="Take a lease of a connector's credentials",
        description="Return an access token, or the credentials as they are stored,"
        " for the time of the lease. Only a key of the connector's"
        " application may take one, with the scope `connectors:use`. A"
        " disabled connector is a 423. The values are in this answer only.",
        scope=service.USE,
        record=Connector,
        view=_take,
        command=LeaseInput,
        answer=GivenDocument,
        status=201,
        refusals=(423,),
    ),
    Operation(
        resource="connectors",
        name="list_leases",
        method="GET",
        path=BELOW,
        summary="List the leases of a connector",
        description="Return one page of the leases of a connector, newest first: who"
        " took which version, and when, without values.",
        scope="connectors:read",
        view=_leases,
        answer=LeaseDocument,
        is_list=True,
        parameters=list_parameters(service.LISTING, listing.OF_RECORDS),
    ),
)
