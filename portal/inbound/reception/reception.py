"""Receive requests: verify them, store and publish the genuine ones, and quarantine the others.

A request that is answered with 2xx is stored, in one transaction with its event and the deliveries
of that event.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from portal.core.errors import Invalid, NotFound, QuotaReached
from portal.database.session import database_now, enter_tenant, session
from portal.inbound.models import InboundRequest
from portal.inbound.reception import deduplication, event_of_request, failure_orders, stored_request
from portal.inbound.reception.deduplication import Arrival
from portal.records.audit import trail as audit
from portal.records.quotas import stored_bytes
from portal.webhooks.models import Webhook
from portal.webhooks.verification import challenges, inbound_secrets, sns
from portal.webhooks.verification.documents import documents
from portal.webhooks.verification.message import Message
from portal.webhooks.verification.signature_check import (
    KEYS_AWAY,
    Verdict,
    sources,
    verify,
    wanted,
)

TENANT_OF = text("SELECT tenant_of_inbound_webhook(:id)")
LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
MINUTE = timedelta(minutes=1)
MAX_BODY = 1024 * 1024

QUARANTINE_ROWS = 1000
QUARANTINE_BYTES = 16 * 1024 * 1024
QUARANTINE_A_MINUTE = 60


@dataclass(frozen=True, slots=True)
class Reception:
    """The result of a received request. `request_id` is None if nothing was stored."""

    verdict: Verdict
    request_id: str | None = None
    event_id: str | None = None
    duplicate: bool = False
    challenge: challenges.Answer | None = None
    failure: failure_orders.Failure | None = None
    confirm: str | None = None


def enter(webhook_id: str) -> Webhook:
    """Return the inbound webhook with this id, and enter its tenant. Raises NotFound for any other
    id, also for a disabled webhook, so that callers learn nothing more."""
    tenant_id = session.execute(TENANT_OF, {"id": webhook_id}).scalar()
    if tenant_id is None:
        raise NotFound("There is no inbound webhook at this address, or it is disabled.")
    enter_tenant(tenant_id)
    return session.execute(
        select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id)
    ).scalar_one()


def ask(webhook: Webhook, message: Message) -> challenges.Answer | None:
    """Return the answer to an unsigned challenge of a provider; None if the request is none."""
    scheme = inbound_secrets.scheme_of(webhook)
    if scheme.challenge is None:
        return None
    known = inbound_secrets.known(webhook) if scheme.challenge == "twitter" else ()
    return challenges.unsigned(scheme, message, webhook.id, known)


def missing(webhook: Webhook, message: Message) -> list[str]:
    """Return the URLs to fetch before this request can be verified; only few schemes need any."""
    scheme = inbound_secrets.scheme_of(webhook)
    if not scheme.fetches:
        return []
    known = inbound_secrets.known(webhook)
    for url in sources(scheme, known, message):
        documents.hold(url, webhook.tenant_id)
    return wanted(scheme, known, message)


def confirmed(webhook: Webhook) -> None:
    """Record in the audit log that a subscription was confirmed, so events will follow."""
    audit.record(event_of_request.sender(webhook), "webhook.subscription_confirmed", webhook)


def arrived(webhook: Webhook, message: Message) -> Arrival:
    """Return the request with what judges it. Raises Unavailable if the secret store does not
    answer, so that the sender retries."""
    return Arrival(
        inbound_secrets.scheme_of(webhook), message, known=inbound_secrets.known(webhook)
    )


def receive(webhook: Webhook, arrival: Arrival, source_ip: str | None) -> Reception:
    """Verify a request; store and publish it if it is genuine, once for each delivery.

    A request that is not genuine is not stored here: see `quarantine`. A request that gets a
    simulated failure of the inbox is not stored at all. Raises QuotaReached when the tenant's
    stored bytes are at the limit.
    """
    scheme, message, known = arrival.scheme, arrival.message, arrival.known
    verdict = verify(scheme, known, message, now=database_now().timestamp())
    if not verdict.verified:
        return Reception(verdict)
    if scheme.fetches and arrival.key:
        _forget_earlier(webhook, arrival)
    if (answer := challenges.signed(scheme, message, known)) is not None:
        return Reception(verdict, challenge=answer)
    if (url := sns.confirmation_of(message.json)) and scheme.method == "sns":
        return Reception(verdict, confirm=url)
    if (failure := failure_orders.take(webhook)) is not None:
        return Reception(verdict, failure=failure)
    row = stored_request.row(webhook, arrival, source_ip, verdict)
    try:
        return _accept(webhook, arrival, row, verdict)
    except Invalid as error:
        session.rollback()
        return Reception(refused_event(error))


def refused_event(error: Invalid) -> Verdict:
    """Return the verdict on a genuine request whose event does not fit the catalogue."""
    said = " ".join(f"{one.field}: {one.message}" for one in error.errors) or error.detail
    return Verdict(False, "event_refused", f"It is genuine, and its event is refused. {said}"[:500])


def quarantine(
    webhook: Webhook, arrival: Arrival, source_ip: str | None, verdict: Verdict
) -> str | None:
    """Store a refused request with the reason; return its id, or None if the quarantine is full.

    Each webhook's quarantine is limited (rows, bytes, requests a minute), so that a flood cannot
    fill the disk or displace earlier requests. It takes nothing while the tenant's stored bytes are
    at the limit.
    """
    try:
        stored_bytes.known().check(webhook.tenant_id)
    except QuotaReached:  # an unknown sender learns nothing of it
        return None
    session.execute(LOCK, {"name": f"quarantine of {webhook.id}"})
    now = database_now()
    of_one = (
        InboundRequest.tenant_id == webhook.tenant_id,
        InboundRequest.webhook_id == webhook.id,
        InboundRequest.state == "quarantined",
    )
    recent = func.count().filter(
        InboundRequest.received_at > now - func.make_interval(0, 0, 0, 0, 0, 1)
    )
    size = func.coalesce(func.sum(InboundRequest.body_bytes), 0)
    rows, used, in_minute = session.execute(select(func.count(), size, recent).where(*of_one)).one()
    is_full = rows >= QUARANTINE_ROWS or used + len(arrival.message.body) > QUARANTINE_BYTES
    if is_full or in_minute >= QUARANTINE_A_MINUTE:
        return None
    row = stored_request.row(webhook, arrival, source_ip, verdict)
    session.execute(insert(InboundRequest), [row | {"state": "quarantined"}])
    return str(row["id"])


def _accept(webhook: Webhook, arrival: Arrival, row: dict[str, Any], verdict: Verdict) -> Reception:
    row |= {"state": "accepted", "verified_at": func.now(), **stored_request.without_keys(row)}
    if earlier := deduplication.claim(webhook, arrival, row["id"]):
        return _again(webhook, earlier, verdict)
    while not _is_inserted(row):  # the key is taken: by this delivery, or by another one
        earlier, row["delivery_key"] = deduplication.earlier_and_key(webhook, arrival, row["body"])
        if earlier is not None:
            deduplication.hand_over(webhook, arrival, earlier)
            return _again(webhook, earlier, verdict)
    stored_bytes.known().check(webhook.tenant_id)  # also for what is stored and not published
    _touch(webhook)
    request = _get(webhook.tenant_id, row["id"])
    event_of_request.publish(webhook, arrival.scheme, arrival.clean, request)
    session.flush()
    return Reception(verdict, request.id, request.event_id)


def _is_inserted(row: dict[str, Any]) -> bool:
    offered = insert(InboundRequest).values(row).on_conflict_do_nothing()
    return session.execute(offered.returning(InboundRequest.id)).scalar() is not None


def _again(webhook: Webhook, earlier_id: str, verdict: Verdict) -> Reception:
    """Count a repeated delivery at its earlier request, and publish nothing."""
    event_id = session.execute(
        update(InboundRequest)
        .where(InboundRequest.tenant_id == webhook.tenant_id, InboundRequest.id == earlier_id)
        .values(repeats=InboundRequest.repeats + 1)
        .returning(InboundRequest.event_id)
    ).scalar()
    return Reception(verdict, earlier_id, event_id, duplicate=True)


def _forget_earlier(webhook: Webhook, arrival: Arrival) -> None:
    """Delete the quarantined copies of this delivery, which came while the sender's keys could not
    be fetched."""
    copies = delete(InboundRequest).where(
        InboundRequest.tenant_id == webhook.tenant_id,
        InboundRequest.webhook_id == webhook.id,
        InboundRequest.state == "quarantined",
        InboundRequest.code == KEYS_AWAY,
        InboundRequest.delivery_key == arrival.key,
    )
    if arrival.whole_key is not None:
        copies = copies.where(InboundRequest.body == arrival.message.body)
    if session.execute(copies.returning(InboundRequest.id)).first():
        stored_bytes.measure_anew(webhook.tenant_id)


def _get(tenant_id: str, request_id: str) -> InboundRequest:
    return session.execute(
        select(InboundRequest).where(
            InboundRequest.tenant_id == tenant_id, InboundRequest.id == request_id
        )
    ).scalar_one()


def _touch(webhook: Webhook) -> None:
    """Update the time of the last request, for people. It is written at most once a minute, because
    all requests of a webhook share this row."""
    session.execute(
        update(Webhook)
        .where(
            Webhook.tenant_id == webhook.tenant_id,
            Webhook.id == webhook.id,
            or_(
                Webhook.last_delivery_at.is_(None),
                Webhook.last_delivery_at < func.now() - MINUTE,
            ),
        )
        .values(
            last_delivery_at=func.now(),
            last_delivery_status="delivered",
            updated_at=Webhook.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
