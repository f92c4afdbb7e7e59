"""Review received requests, and verify quarantined ones again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, true
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import undefer

from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.record import find
from portal.database.session import database_now, delete_some, let_go, session
from portal.events import service as events
from portal.inbound import late_secrets
from portal.inbound.models import KEEP_ACCEPTED, KEEP_QUARANTINED, STATES, InboundRequest
from portal.inbound.reception import deduplication, event_of_request
from portal.inbound.reception.clean_message import clean_text, presented
from portal.inbound.reception.reception import refused_event
from portal.inbound.reception.stored_request import content, digests, message_of, without_keys
from portal.records.audit import trail as audit
from portal.records.listing import Listing, Page, Query, one_by_one, page_below
from portal.records.quotas import stored_bytes
from portal.webhooks import application_status
from portal.webhooks.models import Webhook
from portal.webhooks.verification import challenges, inbound_secrets
from portal.webhooks.verification.documents import BY_HAND, documents
from portal.webhooks.verification.provider_schemes import Scheme
from portal.webhooks.verification.signature_check import Verdict, sources, verify

AT_ONCE = 200

UNINDEXED = ("code", "event_type")  # filters of the list
# Listing is typed for records. A request is none, but has the columns that a list needs; there is
# no soft deletion.
LISTING: Listing[Any] = Listing(
    InboundRequest,
    filters={
        "state": InboundRequest.state,
        "code": InboundRequest.code,
        "event_type": InboundRequest.event_type,
    },
    choices={"state": STATES},
    several=("code", "event_type"),
    once_single=("code", "event_type"),
    quick=("of",),  # the webhook: see page_below
    combines=True,
    texts={"event_type": InboundRequest.event_type, "reason": InboundRequest.reason},
    optional={"event_type": InboundRequest.event_type},
    ranges={"received_at": InboundRequest.received_at},
    sorts={"received_at": InboundRequest.id},
    default_sort="-received_at",
)


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The result of a re-verification; `is_more` if another call would find more to verify."""

    verified: int = 0
    refused: int = 0
    duplicates: int = 0
    is_more: bool = False


def requests(actor: Actor, webhook: Webhook, query: Query) -> Page[Any]:
    """Return one page of the requests that a webhook received, to be shown."""
    plain = one_by_one(query, UNINDEXED)
    page = page_below(actor, LISTING, plain, InboundRequest.webhook_id, webhook.id)
    late_secrets.hide(webhook, page.items)
    return page


def get(actor: Actor, webhook_id: str, request_id: str) -> InboundRequest:
    """Return one request with its body, of which `late_secrets` hides some before it is shown.
    Raises NotFound."""
    actor.require("webhooks:read")
    return _find(actor, webhook_id, request_id)


def _find(actor: Actor, webhook_id: str, request_id: str, *, lock: bool = False) -> InboundRequest:
    query = (
        InboundRequest.seen_by(actor)
        .where(InboundRequest.webhook_id == webhook_id, InboundRequest.id == request_id)
        .options(undefer(InboundRequest.body))
    )
    found = session.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound(f"There is no request {shown(request_id)} of this webhook.")
    return found


def in_quarantine(actor: Actor, webhook: Webhook) -> int:
    """Return the number of requests in quarantine."""
    return session.scalar(select(func.count()).select_from(_quarantined(actor, webhook))) or 0


def newest_in_quarantine(actor: Actor, webhook: Webhook) -> str | None:
    """Return the id of the newest request in quarantine, or None."""
    newest = _waiting(actor, webhook).with_only_columns(func.max(InboundRequest.id))
    found: str | None = session.scalar(newest)
    return found


def reverify(actor: Actor, webhook_id: str, request_id: str) -> InboundRequest:
    """Verify one request again, as of the moment it arrived; publish it if it is genuine.

    Raises Conflict for a request that is already accepted, for a repeated delivery whose original
    is accepted, and while the webhook's application is stopped.
    """
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id)
    application_status.check_works(webhook)
    request = _find(actor, webhook_id, request_id, lock=True)
    if request.state != "quarantined":
        raise Conflict("This request is accepted already.")
    outcome = _judged(actor, webhook, request, inbound_secrets.known(webhook))
    if outcome == "duplicate":
        session.delete(request)
        stored_bytes.measure_anew(actor.tenant_id)
        let_go()  # or the refusal would take it back, and it would stay in quarantine
        raise Conflict(
            "This delivery came again and was accepted meanwhile, so this request was deleted."
        )
    if outcome == "verified":
        events.count(actor, 1)
        _note(actor, webhook, Reviewed(verified=1))
    session.flush()
    return request


def reverify_all(actor: Actor, webhook_id: str) -> Reviewed:
    """Verify the quarantined requests again, the oldest first, at most AT_ONCE.

    What stays refused is not looked at again before all others were, unless the webhook changes.
    Raises Conflict while the webhook's application is stopped.
    """
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id)
    application_status.check_works(webhook)
    round_at = _round(actor, webhook)
    query = _waiting(actor, webhook).where(_untried(round_at))
    query = query.order_by(InboundRequest.id).limit(AT_ONCE + 1)
    waiting = list(session.scalars(query.options(undefer(InboundRequest.body)).with_for_update()))
    known = inbound_secrets.known(webhook)
    outcomes = []
    for request in waiting[:AT_ONCE]:
        request.tried_at = round_at
        outcomes.append(_judged(actor, webhook, request, known))
        if outcomes[-1] == "duplicate":
            session.delete(request)
        session.flush()
    done = Reviewed(
        outcomes.count("verified"),
        outcomes.count("refused"),
        outcomes.count("duplicate"),
        len(waiting) > AT_ONCE,
    )
    if done.duplicates:
        stored_bytes.measure_anew(actor.tenant_id)
    if done.verified:
        # Count them together, like a batch: counted one by one, they would use up a small quota
        # half-way, at each attempt.
        events.count(actor, done.verified)
        _note(actor, webhook, done)
    return done


def _round(actor: Actor, webhook: Webhook) -> datetime:
    """Return when the current round over the quarantine began. A new one begins when all were
    tried, and after the webhook was changed: its secret may be another one."""
    tried = _waiting(actor, webhook).with_only_columns(func.max(InboundRequest.tried_at))
    latest = session.scalar(tried)
    if latest is None or latest < webhook.updated_at:
        return database_now()
    left = _waiting(actor, webhook).where(_untried(latest)).with_only_columns(InboundRequest.id)
    return latest if session.scalar(left.limit(1)) else database_now()


def _untried(round_at: datetime) -> ColumnElement[bool]:
    return or_(InboundRequest.tried_at.is_(None), InboundRequest.tried_at < round_at)


def clear(actor: Actor, webhook_id: str, newest: str | None = None) -> int:
    """Delete the quarantined requests, those up to `newest` if it is given, and return their
    number."""
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id)
    of_one = delete(InboundRequest).where(
        InboundRequest.tenant_id == actor.tenant_id,
        InboundRequest.webhook_id == webhook.id,
        InboundRequest.state == "quarantined",
        InboundRequest.id <= newest if newest else true(),
    )
    gone = len(session.execute(of_one.returning(InboundRequest.id)).all())
    if gone:
        stored_bytes.measure_anew(actor.tenant_id)
        audit.record(actor, "webhook.quarantine_cleared", webhook, {"requests": (gone, 0)})
    return gone


def forget_old(tenant_id: str) -> int:
    """Delete some requests and marks whose retention time is over, and return how many."""
    accepted = _forget(tenant_id, "accepted", KEEP_ACCEPTED)
    quarantined = _forget(tenant_id, "quarantined", KEEP_QUARANTINED)
    if quarantined:  # whose days still have accepted requests, which are kept for longer
        stored_bytes.measure_anew(tenant_id)
    elif accepted:
        stored_bytes.measure_soon(tenant_id)
    return accepted + quarantined + deduplication.forget_old(tenant_id)


def _forget(tenant_id: str, state: str, keep: timedelta) -> int:
    return delete_some(
        InboundRequest,
        InboundRequest.tenant_id == tenant_id,
        InboundRequest.received_at < func.now() - keep,
        InboundRequest.state == state,
    )


def judge(
    webhook: Webhook, scheme: Scheme, request: InboundRequest, known: Sequence[str]
) -> Verdict:
    """Return the verdict on a stored request, with the current secrets and the time of its
    arrival."""
    if scheme.is_loose_token:
        words = "Its token was not kept, because it would do for any other request. Ask the sender."
        return Verdict(False, "not_kept", words)
    message = message_of(request)
    # One that another scheme did not take for a credential is in the request, and not hidden.
    if scheme.hides_credential and presented(scheme, message) is None:
        return _recognised(webhook, request, known)
    # Rare, and started by a person: only here is a document fetched within a transaction.
    for url in sources(scheme, known, message):
        documents.renew(url, BY_HAND, webhook.tenant_id)
    return verify(scheme, known, message, now=request.received_at.timestamp())


def _recognised(webhook: Webhook, request: InboundRequest, known: Sequence[str]) -> Verdict:
    if not known:
        return Verdict(False, "no_secret", "No secret is known for this webhook yet.")
    if request.credential_digest is None:
        words = "No credential of it was kept. Ask the sender to send it again."
        return Verdict(False, "not_kept", words)
    for secret in known:
        if request.credential_digest in digests(webhook, secret):
            return Verdict(True, "verified", "The credential is the right one.", secret)
    words = (
        "The credential that was kept of it is another one, or it came before the portal's secret"
        " key was replaced."
    )
    return Verdict(False, "no_match", words)


def _judged(actor: Actor, webhook: Webhook, request: InboundRequest, known: Sequence[str]) -> str:
    """Return the outcome for one request. What the database does not take is refused, so that it is
    not in the way of others."""
    try:
        try:
            return _judged_once(actor, webhook, request, known)
        except IntegrityError:  # the same delivery was accepted meanwhile: find it
            return _judged_once(actor, webhook, request, known)
    except DataError:
        request.code = "event_refused"
        request.reason = "It is genuine, and the database does not take its event."
        return "refused"


def _judged_once(
    actor: Actor, webhook: Webhook, request: InboundRequest, known: Sequence[str]
) -> str:
    with session.begin_nested():
        outcome = _judge(actor, webhook, request, known)
        session.flush()
        return outcome


def _judge(actor: Actor, webhook: Webhook, request: InboundRequest, known: Sequence[str]) -> str:
    scheme = inbound_secrets.scheme_of(webhook)
    verdict = judge(webhook, scheme, request, known)
    request.code, request.reason = verdict.code, verdict.reason
    if not verdict.verified:
        return "refused"
    # By the secrets and options of today, like a request that comes now.
    arrival = deduplication.Arrival(scheme, message_of(request), known)
    kept = content(arrival)
    kept |= without_keys(kept)
    earlier, request.delivery_key = deduplication.earlier_and_key(webhook, arrival, kept["body"])
    if earlier or deduplication.claim(webhook, arrival, request.id):
        return "duplicate"
    if challenges.signed(scheme, arrival.message, known) is None:
        try:
            event_of_request.publish(webhook, scheme, arrival.clean, request, is_counted=True)
        except Invalid as error:
            deduplication.release(webhook, arrival)
            refused = refused_event(error)
            request.code = refused.code
            request.reason = clean_text(scheme, known, refused.reason)
            return "refused"
    request.state = "accepted"
    request.verified_with = inbound_secrets.fingerprint_of(webhook, verdict.secret)
    request.verified_at, request.verified_by = database_now(), actor.id
    for name, value in kept.items():
        setattr(request, name, value)
    return "verified"


def _waiting(actor: Actor, webhook: Webhook) -> Any:
    return InboundRequest.seen_by(actor).where(
        InboundRequest.webhook_id == webhook.id, InboundRequest.state == "quarantined"
    )


def _quarantined(actor: Actor, webhook: Webhook) -> Any:
    return _waiting(actor, webhook).with_only_columns(InboundRequest.id).subquery()


def _note(actor: Actor, webhook: Webhook, done: Reviewed) -> None:
    audit.record(actor, "webhook.reverified", webhook, {"requests": (None, done.verified)})
