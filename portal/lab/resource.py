"""REST API of the lab: test deliveries and events for a single webhook."""

from flask import Response, request

from portal.database.record import find
from portal.delivery.log import search
from portal.delivery.resource import represent, represent_attempt
from portal.delivery.schemas import AttemptDocument, DeliveryDocument
from portal.events import settings
from portal.inbound import inbox
from portal.lab import test_deliveries, trials
from portal.lab.schemas import LabInput, TestInput
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, body, listed, no_parameters, once
from portal.rest.openapi import PREFIX, Operation
from portal.rest.resources import RETRY, list_parameters
from portal.webhooks.models import Webhook

BELOW = "/webhooks/{id}/test-deliveries"


def _fire(id: str) -> Response:
    no_parameters()
    find(Webhook, actor(), id)
    command = TestInput.read(body())

    def work() -> Outcome:
        attempt = test_deliveries.send_test(actor(), id, command)
        location = f"{PREFIX}/webhooks/{id}/test-deliveries/{attempt.id}"
        return Outcome(represent_attempt(attempt, frozenset()), 201, location)

    return once(work)


def _try(id: str) -> Response:
    no_parameters()
    find(Webhook, actor(), id)
    command = LabInput.read(body())

    def work() -> Outcome:
        sent = trials.send(actor(), id, command)
        document = represent(sent, search.receiver_of(actor(), sent))
        return Outcome(document, 201, f"{PREFIX}/deliveries/{sent.id}")

    return once(work)


def _heal() -> Response:
    no_parameters()
    inbox.end_failures(actor())
    return Response(status=204)


def _attempts(id: str) -> Response:
    query = listing.parse(test_deliveries.ATTEMPTS, request.args, listing.OF_RECORDS)
    webhook = find(Webhook, actor(), id, include_deleted=True)
    page = test_deliveries.attempts(actor(), webhook, query)
    hidden = settings.hidden_from(actor())
    items = [represent_attempt(attempt, hidden) for attempt in page.items]
    return listed(items, page.next_cursor)


def _attempt(id: str, delivery_id: str) -> Response:
    no_parameters()
    find(Webhook, actor(), id, include_deleted=True)
    attempt = test_deliveries.attempt(actor(), id, delivery_id)
    return answer(represent_attempt(attempt, settings.hidden_from(actor())))


OPERATIONS = (
    Operation(
        resource="webhooks",
        name="test",
        method="POST",
        path=BELOW,
        summary="Send a signed test request",
        description="Send one signed test request to the webhook now, and return what"
        " was sent and received. It does not count as a delivery.",
        scope="webhooks:write",
        record=Webhook,
        view=_fire,
        command=TestInput,
        answer=AttemptDocument,
        status=201,
        parameters=(RETRY,),
    ),
    Operation(
        resource="webhooks",
        name="send_from_lab",
        method="POST",
        path="/webhooks/{id}/lab-deliveries",
        summary="Send an event to one webhook alone",
        description="Publish an event for this webhook alone. It is queued, signed and"
        " tried again like any other, and marked with `cpod-test: true`.",
        scope="webhooks:write",
        record=Webhook,
        view=_try,
        command=LabInput,
        answer=DeliveryDocument,
        status=201,
        parameters=(RETRY,),
    ),
    Operation(
        resource="inbox",
        name="heal",
        method="DELETE",
        path="/inbox/failures",
        summary="Let the inbox answer as usual again, after failures that were ordered",
        description="Cancel the failures that were ordered from the inbox: it answers 200 again.",
        scope="webhooks:write",
        view=_heal,
        status=204,
    ),
    Operation(
        resource="webhooks",
        name="list_tests",
        method="GET",
        path=BELOW,
        summary="List the test deliveries of a webhook",
        description="Return one page of the test deliveries of a webhook, newest first.",
        scope="webhooks:read",
        view=_attempts,
        answer=AttemptDocument,
        is_list=True,
        parameters=list_parameters(test_deliveries.ATTEMPTS, listing.OF_RECORDS),
    ),
    Operation(
        resource="webhooks",
        name="get_test",
        method="GET",
        path=BELOW + "/{delivery_id}",
        summary="Get one test delivery",
        description="Return one test delivery: what was sent, what was received, and"
        " how long it took.",
        scope="webhooks:read",
        view=_attempt,
        answer=AttemptDocument,
    ),
)
