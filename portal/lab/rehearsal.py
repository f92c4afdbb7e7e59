"""Simulate a failing receiver: apply the engine's own decisions one after the other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from portal.delivery.queue import policy
from portal.outbound import Outcome

FAULTS: Mapping[str, tuple[str, Outcome]] = {
    "500": ("answers 500", Outcome("http_error", "The receiver answered 500.", status=500)),
    "timeout": ("does not answer", Outcome("timeout", "No answer came in time.")),
    "refused": ("refuses connections", Outcome("refused", "Nobody listens there.")),
    "429": (
        "asks for patience (429, Retry-After: 120)",
        Outcome(
            "http_error",
            "The receiver answered 429 and asked for two minutes.",
            status=429,
            retry_after=timedelta(minutes=2),
        ),
    ),
    "302": ("redirects", Outcome("redirect", "The receiver answered 302.", status=302)),
    "410": ("is gone for good (410)", Outcome("http_error", "It answered 410.", status=410)),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One simulated attempt: its time after the event, its outcome, and what follows."""

    number: int
    after: timedelta
    outcome: str
    then: str


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All simulated attempts for one event, and how they end."""

    lines: tuple[Line, ...]
    ending: str


def rehearse(fault: str, retry_policy: Mapping[str, Any], heals_after: int = 0) -> Rehearsal:
    """Return the attempts to deliver one event to a receiver with a fault of FAULTS, which ends
    after `heals_after` attempts (0: never). Jitter is left out. Nothing is sent."""
    bad = FAULTS[fault][1]
    good = Outcome("delivered", "The receiver took it.", status=200)
    lines, after, throttles = [], timedelta(0), 0
    for number in range(1, retry_policy["maxAttempts"] + 1):
        outcome = good if heals_after and number > heals_after else bad
        decision = policy.decide(outcome, number, retry_policy, throttles=throttles)
        lines.append(Line(number, after, outcome.explanation, _then(decision)))
        if decision.state == "delivered":
            return Rehearsal(tuple(lines), f"Delivered with attempt {number}.")
        if decision.pause:
            break
        after += decision.wait
        throttles += decision.slow is not None
    return Rehearsal(tuple(lines), _ending(bad, retry_policy))


def _then(decision: policy.Decision) -> str:
    if decision.state == "delivered":
        return "done"
    if decision.pause:
        return "the webhook is paused, the event is held"
    if decision.state == "failed":
        return "given up: failed"
    return f"again in {duration_text(decision.wait)}"


def _ending(bad: Outcome, retry_policy: Mapping[str, Any]) -> str:
    if bad.status == 410:
        return "The webhook pauses at once and stays paused until somebody resumes it."
    if bad.status in policy.SLOW_DOWN:
        return "Asking for patience is no failure: it does not count towards a pause."
    minutes = int(policy.PAUSE_AFTER.total_seconds() // 60)
    return (
        f"The event has failed after {retry_policy['maxAttempts']} attempts and can be replayed."
        f" After {policy.PAUSE_FAILURES} failures in a row over {minutes} minutes the webhook is"
        " paused by itself; then events are held, and probes find out when it works again."
    )


def duration_text(span: timedelta) -> str:
    """Return a duration as a text: `at once`, `5 s`, `30 min`, `14 h`, `3.5 d`."""
    seconds = span.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size * 1.5 or seconds == size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s" if seconds else "at once"
