"""The endpoint for inbound webhooks: `POST /in/{webhook_id}`; GET and OPTIONS for challenges.

It is public, without cookies and outside /api: only the signature authenticates the sender.
"""

from collections.abc import Sequence

from flask import Blueprint, Flask, Response, current_app, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException

from portal.core.config import running
from portal.core.errors import (
    MethodNotAllowed,
    NotFound,
    PortalError,
    QuotaReached,
    RateLimited,
    Unavailable,
)
from portal.database import writability
from portal.database.session import let_go, transaction
from portal.inbound.reception import reception
from portal.inbound.reception.deduplication import Arrival
from portal.inbound.reception.failure_limits import Failures
from portal.inbound.reception.failure_orders import Failure
from portal.inbound.reception.reception import Reception
from portal.outbound import Request as OutboundRequest
from portal.outbound import send_now, turn
from portal.rest import api
from portal.web import cookieless
from portal.webhooks.models import Webhook
from portal.webhooks.verification import challenges, inbound_secrets
from portal.webhooks.verification.challenges import Answer
from portal.webhooks.verification.documents import TIMEOUT, documents
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.signature_check import KEYS_AGAIN, KEYS_AWAY, Verdict

bp = Blueprint("door", __name__)
KEYS_NOT_FETCHED = "The keys of the sender cannot be fetched right now."
FULL_RETRY = 300  # Retry-After in seconds, if the tenant's storage is full


class NotVerified(PortalError):
    """The request could not be verified, or not yet."""

    status, code, title = 401, "not_verified", "The request could not be verified"


class EventRefused(PortalError):
    """The request is genuine, but its content does not fit the type of its event."""

    status, code, title = 422, "event_refused", "The event is refused"


def init_app(app: Flask) -> None:
    """Register the endpoint; each process counts the failures that it sees."""
    app.register_blueprint(bp)
    app.extensions["inbound_failures"] = Failures()


@bp.route("/in/<inbound_id>", methods=["GET", "POST", "OPTIONS"])
@cookieless
def take(inbound_id: str) -> Response:
    """Receive one request. 200, or 204 for an event of Discord, means that it is stored; any other
    status that it is not published."""
    try:
        return _take(inbound_id)
    except QuotaReached as error:
        # Answer 503: after a 409 many senders never retry.
        return api.problem(Unavailable(error.detail, retry_after=FULL_RETRY))
    except (PortalError, HTTPException) as error:
        return api.problem(error)
    except DBAPIError as error:
        writability.known().note(error)
        if type(api.in_our_words(error)) is PortalError:
            raise  # an internal error, for the log
        return api.problem(error)


def _take(inbound_id: str) -> Response:
    failures: Failures = current_app.extensions["inbound_failures"]
    source = request.remote_addr or ""
    if wait := failures.wait(inbound_id, source):
        raise RateLimited(
            "Too many requests from here could not be verified. Wait a moment.", retry_after=wait
        )
    try:
        webhook = reception.enter(inbound_id)
    except NotFound:
        failures.note(inbound_id, source)
        raise
    message = _message()
    if request.method == "OPTIONS":
        return _permit(webhook, message)
    if urls := reception.missing(webhook, message):
        webhook = _fetched(urls, webhook)
    if (asked := reception.ask(webhook, message)) is not None:
        return _answer(asked)
    if request.method != "POST":
        raise MethodNotAllowed("Send events here with POST.", allowed=["POST"])
    arrival = reception.arrived(webhook, message)
    received = reception.receive(webhook, arrival, request.remote_addr)
    if not received.verdict.verified:
        _note_failure(inbound_id, received.verdict)
        return _set_aside(webhook, arrival, received)
    return _taken(webhook, message, received)


def _note_failure(inbound_id: str, verdict: Verdict) -> None:
    """Count a request that could not be verified, against floods of forged ones. One whose event is
    refused is genuine."""
    if verdict.code != EventRefused.code:
        current_app.extensions["inbound_failures"].note(inbound_id, request.remote_addr or "")


def _taken(webhook: Webhook, message: Message, received: Reception) -> Response:
    """Return the response to a genuine request."""
    if received.challenge is not None:
        return _answer(received.challenge)
    if received.confirm is not None:
        return _confirm(webhook, received.confirm)
    if received.failure is not None:
        return _fail(received.failure)
    if challenges.wants_no_content(inbound_secrets.scheme_of(webhook), message):
        return Response(status=204)
    return _thanks(received)


def _permit(webhook: Webhook, message: Message) -> Response:
    permission = challenges.permission(inbound_secrets.scheme_of(webhook), message)
    if permission is None:
        raise MethodNotAllowed("Send events here with POST.", allowed=["POST"])
    return Response(headers=dict(permission))


def _message() -> Message:
    """Return the request as it was received: its raw body, and its URL as the sender knows it."""
    query = request.query_string.decode("latin-1")
    address = f"{running().base_url}{request.path}"
    return Message(
        method=request.method,
        url=f"{address}?{query}" if query else address,
        headers=tuple((str(name).lower(), str(value)) for name, value in request.headers.items()),
        body=request.get_data(cache=False),
    )


def _thanks(received: Reception) -> Response:
    return api.answer(
        {
            "status": "accepted",
            "id": received.request_id,
            "event_id": received.event_id,
            "duplicate": received.duplicate,
        }
    )


def _fetched(urls: Sequence[str], webhook: Webhook) -> Webhook:
    """Fetch the documents that verify the signature while no transaction is open; return the
    webhook, read again.

    If too many requests wait, it is verified with what is kept, as while the source is unavailable.
    Raises Unavailable if that lacks the key.
    """
    tenant_id, webhook_id = webhook.tenant_id, webhook.id
    let_go()
    for url in urls:
        try:
            documents.renew(url, KEYS_AGAIN, tenant_id)
        except RateLimited as error:
            if not documents.needs(url):
                raise Unavailable(KEYS_NOT_FETCHED, retry_after=error.retry_after) from error
    return reception.enter(webhook_id)


def _confirm(webhook: Webhook, url: str) -> Response:
    """Confirm a subscription by calling the URL of Amazon that a verified request contains."""
    tenant_id, webhook_id = webhook.tenant_id, webhook.id
    let_go()
    request = OutboundRequest("GET", url, timeout=TIMEOUT, once=True)
    with turn(tenant_id):
        outcome = send_now(request, running().outbound_allow)
    if not outcome.succeeded:
        raise Unavailable("The subscription could not be confirmed right now.", retry_after=60)
    with transaction(tenant_id):
        reception.confirmed(reception.enter(webhook_id))
    return api.answer({"status": "confirmed"})


def _fail(failure: Failure) -> Response:
    """Return a simulated failure. Commit first: an error response would roll back its count."""
    let_go()
    answer = api.answer({"status": "failing", "detail": "The lab asked for it."}, failure.status)
    if failure.retry_after is not None:
        answer.headers["Retry-After"] = str(failure.retry_after)
    return answer


def _set_aside(webhook: Webhook, arrival: Arrival, received: Reception) -> Response:
    """Store a refused request in a transaction of its own: that of an error response is rolled
    back.

    After a 503 a sender retries, so nothing is lost while Amazon or a provider is unavailable. If
    it does not retry, the request is in quarantine and can be verified again.
    """
    verdict, tenant_id = received.verdict, webhook.tenant_id
    with transaction(tenant_id):
        kept = reception.quarantine(webhook, arrival, request.remote_addr, verdict)
    if verdict.code == KEYS_AWAY:
        return api.problem(Unavailable(KEYS_NOT_FETCHED, retry_after=60))
    if verdict.code != EventRefused.code:
        return api.problem(NotVerified(verdict.reason))
    if kept is None:
        return api.problem(EventRefused(verdict.reason))
    document = {"status": "quarantined", "id": kept, "event_id": None, "duplicate": False}
    return api.answer(document)


def _answer(asked: Answer) -> Response:
    if isinstance(asked.body, dict):
        return api.answer(asked.body)
    if asked.body is None:
        return Response(status=204)
    return Response(asked.body, content_type="text/plain; charset=utf-8")
