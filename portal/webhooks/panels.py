"""What the pages show of an attempt: words, timing bars, a command line to copy."""

import json
import shlex
from dataclasses import dataclass

from portal.webhooks.models import DeliveryAttempt, Webhook

WORDS = {
    "sending": "on its way",
    "http_error": "not accepted",
    "forbidden_address": "forbidden address",
    "invalid_request": "invalid request",
    "dns": "name not found",
    "refused": "connection refused",
    "reset": "connection broken",
    "tls": "TLS failed",
    "timeout": "timed out",
    "too_large": "answer too large",
    "protocol_error": "no HTTP answer",
}
STAGES = (
    ("dns_ms", "Look up the name"),
    ("connect_ms", "Connect"),
    ("tls_ms", "TLS handshake"),
    ("wait_ms", "Wait for the answer"),
    ("read_ms", "Read the answer"),
)
SMALLEST = 1.0  # percent; less could not be seen


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage of an attempt: how long, and where its bar begins and ends, in percent."""

    label: str
    ms: float
    start: float
    width: float


def tone_word(outcome: str) -> str:
    """The word that gives an outcome its colour."""
    return outcome if outcome in ("delivered", "sending") else "failed"


def outcome_text(outcome: str) -> str:
    """An outcome in the words of a status."""
    return WORDS.get(outcome, outcome)


def bars(attempt: DeliveryAttempt) -> list[Bar]:
    """The stages that happened, one after the other."""
    spent = [(label, attempt.timings.get(name)) for name, label in STAGES]
    known = [(label, ms) for label, ms in spent if ms is not None]
    whole = sum(ms for _, ms in known) or 1.0
    found, start = [], 0.0
    for label, ms in known:
        share = ms / whole * 100
        found.append(Bar(label, ms, min(start, 100 - SMALLEST), max(share, SMALLEST)))
        start += share
    return found


def as_curl(attempt: DeliveryAttempt) -> str:
    """The same request as a command line; its signature holds for five minutes."""
    parts = [f"curl -i {shlex.quote(attempt.url)}"]
    for name, value in attempt.request_headers:
        parts.append(f"-H {shlex.quote(f'{name}: {value}')}")
    parts.append(f"--data-raw {shlex.quote(attempt.request_body)}")
    return " \\\n  ".join(parts)


def as_lines(headers: list[list[str]]) -> str:
    """Headers as they stand on the wire."""
    return "\n".join(f"{name}: {value}" for name, value in headers)


def as_pretty(text: str) -> str:
    """JSON laid out for people, anything else as it came."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def language_of(text: str) -> str | None:
    """How to colour a body."""
    return "json" if text[:1] in ("{", "[") else None


STATES = {"pending": "in the queue", "in_flight": "on its way"}
WARN_DAYS = 14


def state_text(state: str) -> str:
    """A delivery's state in the words of a status."""
    return STATES.get(state, state)


def certificate(attempt: DeliveryAttempt) -> str | None:
    """How long the receiver's certificate holds; two weeks before its end in other words."""
    days = attempt.certificate_days
    if days is None:
        return None
    if days < 0:
        return f"expired {-days} days ago"
    return f"{days} days" + (": renew it now" if days <= WARN_DAYS else "")


def held_because(webhook: Webhook) -> str:
    """Why what is published for a webhook waits now, as a sentence."""
    if webhook.is_deleted:
        return "The webhook is deleted; it waits until the webhook is restored."
    if webhook.paused_at is None:
        return "The webhook is off; it waits until it is turned on."
    return {
        "by_hand": "Somebody paused the webhook; it waits until it is resumed.",
        "gone": "The receiver said that it is gone for good (410), so the webhook is paused.",
        "failing": "The receiver fails for long, so the webhook is paused; it is sent as soon as"
        " the receiver answers again.",
    }.get(webhook.pause_reason or "", "The webhook is paused.")


def pause_title(webhook: Webhook) -> str:
    """What paused a webhook, in a few words."""
    return {
        "by_hand": "Paused by hand",
        "gone": "Paused: the receiver says it is gone for good (410)",
        "failing": "Paused by itself: the receiver failed for too long",
    }.get(webhook.pause_reason or "", "Paused")


def signature_headers(attempt: DeliveryAttempt) -> list[list[str]]:
    """The headers that a receiver needs to check the signature."""
    return [pair for pair in attempt.request_headers if pair[0].startswith(("webhook-", "cpod-"))]
