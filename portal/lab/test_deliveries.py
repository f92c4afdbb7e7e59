"""Send one test request: begin, send, finish.

These three steps use two short transactions, and none is open while data is sent over the network.
The attempt is inserted before the request is sent, so that a process that dies in between leaves a
trace.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import ColumnElement, and_, func, or_, select, text, update
from ulid import ULID

from portal.core.config import running
from portal.core.errors import Conflict, NotFound, RateLimited
from portal.core.key_shape import shown
from portal.database import dry_run
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.record import find
from portal.database.session import database_now, let_go, session
from portal.delivery import sending
from portal.events.publishing import key_material
from portal.lab.schemas import TestInput
from portal.outbound import Outcome, Request, send_now, turn
from portal.records.audit import trail as audit
from portal.records.listing import CLOCKS_DIFFER, Listing, Page, Query, page_below
from portal.records.quotas import stored_bytes
from portal.webhooks import application_status, keyring
from portal.webhooks.models import OUTCOMES, DeliveryAttempt, Webhook
from portal.webhooks.signing import signature_schemes, standard_webhooks

PER_WEBHOOK, PER_TENANT = 10, 30
WINDOW = timedelta(minutes=1)
LAST = 2**48 - 1  # milliseconds that a ULID can have
ON_ITS_WAY = (
    "The request left, and no outcome was recorded: it is still on its way, or the portal was"
    " stopped in between."
)

PREFIXES = (DeliveryAttempt.id_prefix, sending.ATTEMPT_PREFIX)
# Listing is typed for records. An attempt is none, but has the columns that a list needs; there is
# no soft deletion.
ATTEMPTS: Listing[Any] = Listing(
    DeliveryAttempt,
    prefixes=PREFIXES,
    filters={"outcome": DeliveryAttempt.outcome, "event_type": DeliveryAttempt.event_type},
    choices={"outcome": OUTCOMES},
    ranges={"created_at": DeliveryAttempt.created_at},
    sorts={"created_at": DeliveryAttempt.id},
)


def send_test(actor: Actor, webhook_id: str, command: TestInput) -> DeliveryAttempt:
    """Send one signed test request and store the result.

    It commits the running transaction before it sends, so call it only from a request handler. Any
    reaction of the receiver becomes the attempt's outcome. Raises Conflict for a webhook without a
    URL or one that may not send, QuotaReached when the tenant's stored bytes are at the limit,
    RateLimited for too many tests in a minute or on their way, Unavailable if the secret store does
    not answer; then nothing was sent.
    """
    attempt, request = _begin(actor, webhook_id, command)
    if dry_run.is_on():  # nothing is sent, so there is no outcome
        return attempt
    with turn(actor.tenant_id):
        let_go()
        outcome = send_now(request, running().outbound_allow)
    return _finish(actor, attempt, outcome)


def attempts(actor: Actor, webhook: Webhook, query: Query) -> Page[Any]:
    """Return one page of a webhook's attempts."""
    of_all_times = replace(query, bounds={})
    owner = DeliveryAttempt.webhook_id
    return page_below(actor, ATTEMPTS, of_all_times, owner, webhook.id, also=_in_time(query))


def _in_time(query: Query) -> list[ColumnElement[bool]]:
    """Return the bounds of a query on the time of an attempt, and on its id for the index.

    A test's id has another prefix than an attempt of the engine, so the list's own bounds on ids
    would leave out one of them.
    """
    after = query.bounds.get("created_at after")
    before = query.bounds.get("created_at before")
    made = DeliveryAttempt.created_at
    found = [made >= after] if after else []
    found += [made < before] if before else []
    if not found:
        return []
    ids = [
        and_(
            DeliveryAttempt.id >= f"{prefix}_{_ulid(after, -CLOCKS_DIFFER, 0)}",
            DeliveryAttempt.id < f"{prefix}_{_ulid(before, CLOCKS_DIFFER, LAST)}",
        )
        for prefix in PREFIXES
    ]
    return [*found, or_(*ids)]


def _ulid(moment: datetime | None, spare: int, without: int) -> ULID:
    milliseconds = max(int(moment.timestamp() * 1000) + spare, 0) if moment else without
    return ULID(milliseconds.to_bytes(6, "big") + bytes(10))


def attempt(actor: Actor, webhook_id: str, attempt_id: str) -> DeliveryAttempt:
    """Return one attempt of one webhook. Raises NotFound."""
    query = DeliveryAttempt.seen_by(actor).where(
        DeliveryAttempt.webhook_id == webhook_id, DeliveryAttempt.id == attempt_id
    )
    found = session.scalar(query)
    if found is None:
        raise NotFound(f"There is no delivery {shown(attempt_id)} of this webhook.")
    return found


def _begin(actor: Actor, webhook_id: str, command: TestInput) -> tuple[DeliveryAttempt, Request]:
    actor.require("webhooks:write")
    [command] = key_material.screened(actor.tenant_id, [command])
    webhook = find(Webhook, actor, webhook_id)
    if webhook.direction == "inbound":
        raise Conflict("This webhook is inbound: others call it, so there is nothing to send.")
    if webhook.url is None:
        raise Conflict("This webhook has no target URL yet. Give it one, then send a test.")
    application_status.check_works(webhook)
    stored_bytes.known().check(actor.tenant_id)
    now = database_now()
    _take_turn(actor, webhook, now)
    keys = keyring.open_keys(webhook, now)
    if command.newest_secret_only:
        keys = keys[:1]
    attempt_id = new_id(DeliveryAttempt.id_prefix)
    request = signed_request(webhook, attempt_id, command, keys, now)
    attempt = DeliveryAttempt(
        tenant_id=actor.tenant_id,
        id=attempt_id,
        webhook_id=webhook.id,
        event_type=command.event_type,
        actor_id=actor.id,
        actor_name=actor.name[:200],
        url=webhook.url,
        request_headers=[list(pair) for pair in request.headers.items()],
        body_of_test=request.body.decode(),
        signed_with=standard_webhooks.fingerprint(keys[0]),
        explanation=ON_ITS_WAY,
    )
    session.add(attempt)
    session.flush()
    return attempt, request


def signed_request(
    webhook: Webhook, message_id: str, command: TestInput, keys: Sequence[str], now: datetime
) -> Request:
    """Return the request exactly as it is sent: the body, the current signature, the webhook's
    headers."""
    body = orjson.dumps(
        {
            "type": command.event_type,
            "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds"),
            "data": command.data,
        }
    )
    headers = {
        "content-type": "application/json",
        "user-agent": sending.USER_AGENT,
        **signature_schemes.headers(
            webhook.signature_scheme, keys, message_id, body, int(now.timestamp())
        ),
        "cpod-test": "true",
        **webhook.headers,
    }
    timeout = webhook.retry_policy["timeoutMs"] / 1000
    return Request("POST", webhook.url or "", headers, body, timeout=timeout)


def _take_turn(actor: Actor, webhook: Webhook, now: datetime) -> None:
    """Raise RateLimited if the webhook or the tenant has used up its tests of this minute."""
    # The lock serializes the tests of a tenant: otherwise two could both see one test left.
    session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"test deliveries of {actor.tenant_id}"},
    )
    recent = (
        select(DeliveryAttempt.created_at)
        .where(DeliveryAttempt.tenant_id == actor.tenant_id)
        .where(DeliveryAttempt.created_at > now - WINDOW, DeliveryAttempt.delivery_id.is_(None))
        .order_by(DeliveryAttempt.created_at.desc())
    )
    of_this = recent.where(DeliveryAttempt.webhook_id == webhook.id)
    for query, limit, whose in (
        (of_this, PER_WEBHOOK, "this webhook"),
        (recent, PER_TENANT, "your tenant"),
    ):
        if oldest := session.scalar(query.offset(limit - 1).limit(1)):
            raise RateLimited(
                f"At most {limit} test deliveries a minute for {whose}. Wait a moment.",
                retry_after=max(1, math.ceil((oldest + WINDOW - now).total_seconds())),
            )


def _finish(actor: Actor, attempt: DeliveryAttempt, outcome: Outcome) -> DeliveryAttempt:
    """Record the outcome; the webhook may have been changed or deleted meanwhile."""
    for name, value in (sending.answered(outcome) | {"completed_at": database_now()}).items():
        setattr(attempt, name, value)
    session.flush()
    # Not through the record: a delivery is no edit, so it must not change version and updated_at.
    session.execute(
        update(Webhook)
        .where(Webhook.tenant_id == actor.tenant_id, Webhook.id == attempt.webhook_id)
        .values(
            last_delivery_at=func.now(),
            last_delivery_status=outcome.kind,
            updated_at=Webhook.updated_at,
        )
        .execution_options(synchronize_session=False)
    )
    webhook = find(Webhook, actor, attempt.webhook_id, include_deleted=True)
    noted = {"event_type": (None, attempt.event_type), "outcome": (None, outcome.kind)}
    audit.record(actor, "webhook.tested", webhook, noted)
    return attempt
