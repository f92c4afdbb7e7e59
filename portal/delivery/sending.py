"""Build the request of a leased delivery, and the values to record of its outcome."""

import random
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from portal.core.key_shape import masked, masked_value
from portal.database.base import new_id
from portal.delivery.queue.policy import Decision, decide
from portal.delivery.queue.queue import AttemptRecord, LeasedDelivery
from portal.outbound import Outcome, Request
from portal.webhooks.signing import signature_schemes

USER_AGENT = "cPod-Webhooks/1.0"
GONE = Outcome(
    "invalid_request",
    "The event was erased before it could be delivered.",
    "There is nothing to do.",
)
ATTEMPT_PREFIX = "att"
AGAIN = {"webhook-replay": "true"}
MARKS = {"redelivery": AGAIN, "replay": AGAIN, "lab": {"cpod-test": "true"}}
"""The origin of a delivery → headers that tell the receiver that the event is not new or not
real."""


def request_of(taken: LeasedDelivery, keys: Sequence[str], now: int) -> Request:
    """Return the request of one attempt. `now` is in seconds since 1970; `keys` begins with the
    newest.

    The id and the body are the same in every attempt; the time and the signature belong to this
    one.
    """
    body = body_of(taken)
    headers = {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        **signature_schemes.headers(
            taken.settings.signature_scheme, keys, taken.event_id, body, now
        ),
        "cpod-sequence": str(taken.sequence),
        "cpod-attempt": str(taken.attempts),
        **MARKS.get(taken.origin, {}),
        **taken.settings.headers,
    }
    timeout = taken.settings.retry_policy["timeoutMs"] / 1000
    return Request("POST", taken.settings.url or "", headers, body, timeout=timeout)


def body_of(taken: LeasedDelivery) -> bytes:
    """Return the body `{"type", "timestamp", "data"}`; the data as the database has it, not parsed
    again."""
    assert taken.occurred_at is not None  # noqa: S101  the event exists
    timestamp = taken.occurred_at.astimezone(UTC).isoformat(timespec="milliseconds")
    head = f'{{"type":"{taken.event_type}","timestamp":"{timestamp}","data":'
    return f"{head}{taken.data}}}".encode()


def judge(taken: LeasedDelivery, outcome: Outcome) -> Decision:
    """Return the decision about a delivery, with random jitter, so that many do not retry at
    once."""
    return decide(
        outcome,
        taken.attempts,
        taken.settings.retry_policy,
        chance=random.uniform(-1, 1),  # noqa: S311  no secret
        throttles=taken.settings.throttles,
    )


def done(
    taken: LeasedDelivery,
    request: Request | None,
    outcome: Outcome,
    decision: Decision,
    signed_with: str,
) -> AttemptRecord:
    """Return the values to record for one attempt."""
    keeps_place = taken.settings.ordered and decision.state == "retrying"
    wait = decision.wait.total_seconds()
    slow = decision.slow.total_seconds() if decision.slow else None
    done = {
        "id": taken.id,
        "token": taken.token,
        "state": decision.state,
        "outcome": outcome.kind,
        "status": outcome.status,
        "wait": wait,
        "keeps_place": keeps_place,
        "not_made": decision.unsent is not None,  # none of the receiver's attempts
        "unsent": decision.unsent,
        "took_ms": outcome.timings.total_ms if request else None,
        "webhook_id": taken.webhook_id,
        "good": outcome.succeeded,
        "failures": int(decision.counts),
        # In an ordered webhook the next delivery waits for this one.
        "slow": max(wait, slow or 0.0) if keeps_place else slow,
        "throttled": decision.slow is not None,
    }
    attempt = _attempt(taken, request, outcome, signed_with) if request else None
    return AttemptRecord(taken.tenant_id, done, attempt)


def _attempt(
    taken: LeasedDelivery, request: Request, outcome: Outcome, signed_with: str
) -> dict[str, Any]:
    return {
        "id": new_id(ATTEMPT_PREFIX, taken.settings.taken_at),
        "webhook_id": taken.webhook_id,
        "delivery_id": taken.id,
        "event_id": taken.event_id,
        "number": taken.attempts,
        "event_type": taken.event_type,
        "url": request.url,
        "request_headers": [list(pair) for pair in request.headers.items()],
        "request_body": "",  # stored once, with the event
        "signed_with": signed_with,
        "took": outcome.timings.total_ms / 1000,
        **answered(outcome),
    }


def answered(outcome: Outcome) -> dict[str, Any]:
    """Return the values of an attempt's record that describe the outcome, for a test or a
    delivery. API keys that the receiver sent back are masked."""
    return {
        "outcome": outcome.kind,
        "explanation": outcome.explanation,
        "remedy": outcome.remedy,
        "status": outcome.status,
        "response_headers": masked_value([list(pair) for pair in outcome.headers]),
        "response_body": masked(outcome.text),
        "response_truncated": outcome.body_truncated,
        "timings": outcome.timings._asdict(),
        "address": outcome.address,
        "tls_version": outcome.tls_version,
        "certificate_days": outcome.certificate_days,
    }
