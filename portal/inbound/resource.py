"""REST API of received requests: /api/v1/integration/webhooks/{id}/received."""

import base64
from dataclasses import asdict
from datetime import datetime
from typing import Any

from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from portal.core.errors import NotFound
from portal.database.record import find
from portal.events import settings
from portal.inbound import doctor_questions, late_secrets, review
from portal.inbound import inbox as inboxes
from portal.inbound.models import InboundRequest
from portal.records import listing
from portal.rest.api import Outcome, actor, answer, body, fields_of, listed, no_parameters, once
from portal.rest.openapi import Operation
from portal.rest.resources import RETRY, list_parameters
from portal.webhooks.models import Webhook

LIST = "/webhooks/{id}/received"
ONE = LIST + "/{request_id}"


class InboundRequestDocument(BaseModel):
    """One received request, as lists return it."""

    id: str = Field(description="Id of the request.")
    webhook_id: str = Field(description="Id of the webhook.")
    received_at: datetime = Field(description="Time when it arrived.")
    state: str = Field(description="accepted, or quarantined.")
    code: str = Field(description="verified, or why not.")
    reason: str = Field(description="The same as a sentence.")
    method: str = Field(description="HTTP method.")
    url: str = Field(description="Address that was called.")
    body_bytes: int = Field(description="Size of the body in bytes.")
    source_ip: str | None = Field(description="Address of the sender.")
    delivery_key: str | None = Field(description="Key by which a repetition is recognised.")
    repeats: int = Field(description="Number of times that the same delivery came again.")
    verified_with: str | None = Field(description="Fingerprint of the secret.")
    verified_at: datetime | None = Field(description="Time when it was verified.")
    verified_by: str | None = Field(description="Id of who had it verified again.")
    event_id: str | None = Field(description="Id of the event that was published for it.")
    event_type: str | None = Field(description="Type of that event.")


class WholeInboundRequest(InboundRequestDocument):
    """One received request with its headers and its raw body; API keys in it are masked."""

    headers: list[tuple[str, str]] = Field(description="Headers of the request: name and value.")
    body_base64: str = Field(description="Raw body in base64.")


class ReviewedDocument(BaseModel):
    """The result of verifying a quarantine again."""

    verified: int = Field(description="Number of requests that are genuine and were published.")
    refused: int = Field(description="Number of requests that remain in quarantine.")
    duplicates: int = Field(description="Came again meanwhile, and were accepted then.")
    is_more: bool = Field(description="There is more to verify in this round: ask again.")


class InboxDocument(BaseModel):
    """The tenant's own receiver for tests."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    receiver_id: str
    """Id of the inbound webhook that receives."""
    receiver_url: str
    """Address of the receiver."""
    sender_id: str | None
    """Id of the webhook that sends to it; null if it was deleted."""
    is_complete: bool
    """True if the sender signs with a secret that the receiver knows."""


def represent_inbox(found: inboxes.Inbox) -> dict[str, Any]:
    """Return the inbox as a document of the API."""
    return {
        "receiver_id": found.receiver.id,
        "receiver_url": found.receiver.inbound_url,
        "sender_id": found.sender and found.sender.id,
        "is_complete": found.is_complete,
    }


def represent(row: InboundRequest, hidden: frozenset[str]) -> dict[str, Any]:
    """Return a request as lists return it, without the values that are hidden from this reader."""
    document = fields_of(InboundRequestDocument, row)
    return {**document, "url": settings.redact_address(row.shown_url, hidden)}


def represent_whole(row: InboundRequest, hidden: frozenset[str]) -> dict[str, Any]:
    """Return a request with headers and body, without the values that are hidden from this
    reader."""
    body = settings.redact_text(row.text, hidden).encode() if hidden else row.shown_body
    encoded = base64.b64encode(body).decode()
    headers = settings.redact_headers(row.shown_headers, hidden)
    return {**represent(row, hidden), "headers": headers, "body_base64": encoded}


def _list(id: str) -> Response:
    query = listing.parse(review.LISTING, request.args, listing.OF_RECORDS)
    webhook = find(Webhook, actor(), id, include_deleted=True)
    page = review.requests(actor(), webhook, query)
    hidden = settings.hidden_from(actor())
    items = [represent(row, hidden) for row in page.items]
    return listed(items, page.next_cursor)


def _get(id: str, request_id: str) -> Response:
    no_parameters()
    webhook = find(Webhook, actor(), id, include_deleted=True)
    found = review.get(actor(), id, request_id)
    late_secrets.hide(webhook, [found])
    return answer(represent_whole(found, settings.hidden_from(actor())))


def _reverify(id: str, request_id: str) -> Response:
    no_parameters()
    webhook = find(Webhook, actor(), id)

    def verified() -> Outcome:
        found = review.reverify(actor(), id, request_id)
        late_secrets.hide(webhook, [found])
        return Outcome(represent(found, settings.hidden_from(actor())), 200)

    return once(verified)


def _reverify_all(id: str) -> Response:
    no_parameters()
    find(Webhook, actor(), id)
    return once(lambda: Outcome(asdict(review.reverify_all(actor(), id)), 200))


def _clear(id: str) -> Response:
    no_parameters()
    review.clear(actor(), id)
    return Response(status=204)


def _inbox() -> Response:
    no_parameters()
    found = inboxes.find_inbox(actor())
    if found is None:
        raise NotFound("There is no inbox yet. POST /inbox creates it.")
    return answer(represent_inbox(found))


def _open_inbox() -> Response:
    no_parameters()
    return once(lambda: Outcome(represent_inbox(inboxes.open_inbox(actor())), 200))


def _check() -> Response:
    no_parameters()
    command = doctor_questions.SignatureCheck.read(body())
    found = doctor_questions.check(actor(), command)
    webhook = find(Webhook, actor(), command.webhook_id) if command.webhook_id else None
    return answer(doctor_questions.represent(doctor_questions.scheme_of(command, webhook), found))


def _operation(
    name: str, method: str, path: str, summary: str, view: Any, **more: Any
) -> Operation:
    scope = "webhooks:read" if method == "GET" else "webhooks:write"
    return Operation(
        resource="webhooks",
        name=name,
        method=method,
        path=path,
        summary=summary,
        scope=scope,
        view=view,
        **more,
    )


OPERATIONS = (
    _operation(
        "list_received",
        "GET",
        LIST,
        "List the received requests of an inbound webhook",
        _list,
        answer=InboundRequestDocument,
        is_list=True,
        parameters=list_parameters(review.LISTING, listing.OF_RECORDS),
        description="Return one page of the requests that an inbound webhook received,"
        " those in quarantine too, newest first.",
    ),
    _operation(
        "get_received",
        "GET",
        ONE,
        "Get one received request",
        _get,
        answer=WholeInboundRequest,
        description="Return one received request with its headers and its raw body."
        " API keys in it are masked.",
    ),
    _operation(
        "reverify",
        "POST",
        ONE + "/reverifications",
        "Verify a request in quarantine again",
        _reverify,
        record=Webhook,
        answer=InboundRequestDocument,
        parameters=(RETRY,),
        description="Verify a request in quarantine again, as of the time when it"
        " arrived, with the secrets of today. If it is genuine its event is"
        " published. Otherwise it stays in quarantine.",
    ),
    _operation(
        "reverify_all",
        "POST",
        LIST + "/reverifications",
        "Verify the requests in quarantine again",
        _reverify_all,
        record=Webhook,
        answer=ReviewedDocument,
        parameters=(RETRY,),
        description="Verify up to 200 requests in quarantine again, the oldest first."
        " Those that are genuine are published. While `is_more` is true,"
        " send this again. What stays refused is verified again after all others, and"
        " when the webhook was changed.",
    ),
    _operation(
        "clear_quarantine",
        "DELETE",
        "/webhooks/{id}/quarantine",
        "Discard the requests in quarantine",
        _clear,
        record=Webhook,
        status=204,
        description="Delete all requests of this webhook in quarantine. They cannot be restored.",
    ),
    Operation(
        resource="inbox",
        name="get",
        method="GET",
        path="/inbox",
        summary="Get the tenant's inbox, its own receiver for tests",
        description="Return the tenant's inbox, a receiver of its own for tests. If"
        " there is none it is a 404.",
        scope="webhooks:read",
        view=_inbox,
        answer=InboxDocument,
        refusals=(404,),
    ),
    Operation(
        resource="inbox",
        name="open",
        method="POST",
        path="/inbox",
        summary="Create the inbox and the webhook that sends to it, or repair them",
        description="Create the inbox and the webhook that sends to it, or repair them"
        " if a part is missing. It can be repeated safely.",
        scope="webhooks:write",
        view=_open_inbox,
        answer=InboxDocument,
        parameters=(RETRY,),
    ),
    # Without Idempotency-Key: nothing is created, and nothing of the request may be stored.
    Operation(
        resource="signature-checks",
        name="create",
        method="POST",
        path="/signature-checks",
        summary="Check the signature of a request",
        description="Find out why the signature of a request is right or wrong. Give a"
        " secret, or the webhook that has it; otherwise 422. Nothing of the"
        " request is stored or logged.",
        scope="webhooks:write",
        view=_check,
        command=doctor_questions.SignatureCheck,
        answer=doctor_questions.SignatureCheckResult,
        body_required=True,
    ),
)
