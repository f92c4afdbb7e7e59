"""Show an attempt on pages: status words, timing bars, a command line to copy."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portal.events import settings
from portal.webhooks.models import DeliveryAttempt, Webhook
from portal.webhooks.signing.signature_schemes import Style, style_of

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
SMALLEST = 1.0  # percent; a smaller bar would be invisible
STATES = {"pending": "in the queue", "in_flight": "on its way"}
WARN_DAYS = 14


@dataclass(frozen=True, slots=True)
class Bar:
    """One stage of an attempt: its duration, and the start and width of its bar in percent."""

    label: str
    ms: float
    start: float
    width: float


def tone_word(outcome: str) -> str:
    """Return the word that selects the colour of an outcome."""
    return outcome if outcome in ("delivered", "sending") else "failed"


def outcome_text(outcome: str) -> str:
    """Return the status text of an outcome."""
    return WORDS.get(outcome, outcome)


def as_lines(headers: Sequence[Sequence[str]]) -> str:
    """Return headers as lines, as they are sent."""
    return "\n".join(f"{name}: {value}" for name, value in headers)


def as_pretty(text: str) -> str:
    """Return JSON indented for people, any other text unchanged."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


TABS = ("response", "request", "signature", "timing")


@dataclass(frozen=True)
class Detail:
    """One attempt as a page shows it to one reader, from whom some fields may be `hidden`."""

    attempt: DeliveryAttempt
    hidden: frozenset[str]
    tab: str
    tabs: Sequence[tuple[str, str, str]]

    @property
    def is_redacted(self) -> bool:
        return bool(self.hidden)

    @property
    def request_headers(self) -> str:
        return as_lines(settings.redact_headers(self.attempt.request_headers, self.hidden))

    @property
    def request_body(self) -> str:
        return as_pretty(settings.redact_text(self.attempt.request_body, self.hidden))

    @property
    def response_headers(self) -> str:
        return as_lines(settings.redact_headers(self.attempt.response_headers, self.hidden))

    @property
    def response_body(self) -> str:
        return as_pretty(settings.redact_text(self.attempt.response_body, self.hidden))

    @property
    def response_language(self) -> str | None:
        return "json" if self.response_body[:1] in ("{", "[") else None

    @property
    def curl(self) -> str | None:
        """Return the same request as a curl command; None if the reader may not see all of it."""
        if self.hidden:
            return None
        parts = [f"curl -i {shlex.quote(self.attempt.url)}"]
        for name, value in self.attempt.request_headers:
            parts.append(f"-H {shlex.quote(f'{name}: {value}')}")
        parts.append(f"--data-raw {shlex.quote(self.attempt.request_body)}")
        return " \\\n  ".join(parts)

    @property
    def style(self) -> Style:
        return style_of(dict(self.attempt.request_headers))

    @property
    def signed_text(self) -> str | None:
        """Return the text that was signed; None if the reader may not see all of it."""
        return None if self.hidden else self.attempt.signed_content

    @property
    def signature_headers(self) -> str:
        """Return the headers that a receiver needs to check the signature."""
        kept = ("webhook-", "cpod-", "x-hub-")
        return as_lines([p for p in self.attempt.request_headers if p[0].startswith(kept)])

    @property
    def bars(self) -> list[Bar]:
        """Return a bar for each stage that happened, in order."""
        spent = [(label, self.attempt.timings.get(name)) for name, label in STAGES]
        known = [(label, ms) for label, ms in spent if ms is not None]
        whole = sum(ms for _, ms in known) or 1.0
        found, start = [], 0.0
        for label, ms in known:
            share = ms / whole * 100
            found.append(Bar(label, ms, min(start, 100 - SMALLEST), max(share, SMALLEST)))
            start += share
        return found

    @property
    def is_reused(self) -> bool:
        """Tell whether it used an open connection: there is no stage before the wait."""
        return bool(self.bars) and self.bars[0].label == STAGES[3][1]

    @property
    def certificate(self) -> str | None:
        """Return for how long the receiver's certificate is valid, with a warning in its last two
        weeks."""
        days = self.attempt.certificate_days
        if days is None:
            return None
        if days < 0:
            return f"expired {-days} days ago"
        return f"{days} days" + (": renew it now" if days <= WARN_DAYS else "")


def detail(
    attempt: DeliveryAttempt, hidden: frozenset[str], asked: str, place: Callable[[str], str]
) -> Detail:
    """Return an attempt with the requested tab; `place` returns the URL of a tab."""
    tabs = [(name.title(), place(name), name) for name in TABS]
    return Detail(attempt, hidden, asked if asked in TABS else TABS[0], tabs)


def state_text(state: str) -> str:
    """Return the status text of a delivery's state."""
    return STATES.get(state, state)


def retry_after(attempt: DeliveryAttempt) -> str | None:
    """Return the Retry-After header of the response, if there is one."""
    return next((v for name, v in attempt.response_headers if name.lower() == "retry-after"), None)


def held_because(webhook: Webhook) -> str:
    """Return why the events of a webhook are held, as a sentence."""
    if webhook.is_deleted:
        return "The webhook is deleted; it waits until the webhook is restored."
    if webhook.is_stopped:
        status = webhook.application_status
        return f"Its application is {status}; it waits until the application is reopened."
    if webhook.paused_at is None:
        return "The webhook is disabled; it waits until it is enabled."
    return {
        "by_hand": "Somebody paused the webhook; it waits until it is resumed.",
        "gone": "The receiver said that it is gone for good (410), so the webhook is paused.",
        "failing": "The receiver fails for long, so the webhook is paused; it is sent as soon as"
        " the receiver answers again.",
    }.get(webhook.pause_reason or "", "The webhook is paused.")


def pause_title(webhook: Webhook) -> str:
    """Return the reason of a pause, in a few words."""
    return {
        "by_hand": "Paused by hand",
        "gone": "Paused: the receiver says it is gone for good (410)",
        "failing": "Paused by itself: the receiver failed for too long",
    }.get(webhook.pause_reason or "", "Paused")
