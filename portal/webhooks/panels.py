"""What the pages show of an attempt: words, timing bars, a command line to copy."""

import json
import shlex
from dataclasses import dataclass

from portal.webhooks.models import DeliveryAttempt

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
