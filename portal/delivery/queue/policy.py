"""What follows from an outcome: a pure function of what is known, and nothing else.

Source of the schedule and of the status rules: Standard Webhooks 1.0.0.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from portal.outbound import Outcome
from portal.webhooks.models import PauseReason

State = Literal["delivered", "retrying", "failed"]

# Waits after the first, second, … attempt; the last one goes on.
EXPONENTIAL = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
LINEAR_STEP = timedelta(minutes=10)
FIXED = timedelta(minutes=5)
JITTER = 0.2
AFTER_TIMEOUT = timedelta(seconds=60)
"""A receiver that does not answer is given a minute at least."""

SLOW_DOWN = (429, 503)
FIRST_SLOW_DOWN = timedelta(seconds=1)
LONGEST_SLOW_DOWN = timedelta(minutes=5)

PAUSE_FAILURES = 10
PAUSE_AFTER = timedelta(minutes=10)
WARN_FAILURES = 5
WARN_AFTER = timedelta(minutes=3)
"""Both must be reached: two hundred failures of one second are one failure."""

PROBES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))
GOOD_PROBES = 3
AFTER_GOOD_PROBE = timedelta(seconds=5)


class Decision(NamedTuple):
    """What becomes of the delivery (`wait` until its next attempt) and of its endpoint.

    `counts`: the failure counts towards a pause. `slow`: nothing goes to the endpoint for so long.
    """

    state: State
    wait: timedelta = timedelta(0)
    counts: bool = False
    slow: timedelta | None = None
    pause: PauseReason | None = None


def decide(
    outcome: Outcome,
    attempt: int,
    policy: Mapping[str, Any],
    *,
    chance: float = 0.0,
    throttles: int = 0,
) -> Decision:
    """Return the decision after the `attempt`th attempt (from 1).

    `policy` is a webhook's retry_policy, `chance` is from -1 to 1 and moves the wait within its
    jitter, `throttles` is how often in a row the endpoint has asked for patience already.
    """
    if outcome.succeeded:
        return Decision("delivered")
    if outcome.kind == "cancelled":  # this side went away: not the receiver's failure
        return Decision("retrying")
    asks = outcome.status in SLOW_DOWN
    slow = slow_down(outcome.retry_after, throttles) if asks else None
    pause: PauseReason | None = "gone" if outcome.status == 410 else None
    if attempt >= policy["maxAttempts"]:
        return Decision("failed", counts=not asks, slow=slow, pause=pause)
    wait = wait_after(attempt, policy["backoff"], chance)
    if outcome.kind == "timeout":
        wait = max(wait, AFTER_TIMEOUT)
    if outcome.retry_after is not None:
        wait = max(wait, outcome.retry_after)
    return Decision("retrying", wait, counts=not asks, slow=slow, pause=pause)


def wait_after(attempt: int, backoff: str, chance: float = 0.0) -> timedelta:
    """Return how long until the next attempt, after the `attempt`th."""
    if backoff == "fixed":
        wait = FIXED
    elif backoff == "linear":
        wait = LINEAR_STEP * attempt
    else:
        wait = EXPONENTIAL[min(attempt, len(EXPONENTIAL)) - 1]
    return wait * (1 + JITTER * chance)


def slow_down(asked: timedelta | None, throttles: int) -> timedelta:
    """Return how long an endpoint that asks for patience is left alone."""
    if asked is not None:
        return asked
    return min(FIRST_SLOW_DOWN * (1 << min(throttles, 20)), LONGEST_SLOW_DOWN)


def should_pause(failures: int, failing_for: timedelta) -> bool:
    """Tell whether an endpoint with so many failures in a row, over so long, is to be paused."""
    return failures >= PAUSE_FAILURES and failing_for >= PAUSE_AFTER


def should_warn(failures: int, failing_for: timedelta) -> bool:
    """Tell whether its people are to be told that it will be paused if this goes on."""
    return failures >= WARN_FAILURES and failing_for >= WARN_AFTER


def next_probe(probes: int) -> timedelta:
    """Return how long after the pause, or after the last probe, a paused endpoint is tried
    again."""
    return PROBES[min(probes, len(PROBES) - 1)]


def ramp(seconds: float | None) -> float | None:
    """Deliveries a second so long after a pause has ended: 1, 2, 4 …; None when it is over."""
    if seconds is None or seconds >= RAMP_SECONDS:
        return None
    return float(2 ** int(max(seconds, 0.0)))


RAMP_SECONDS = 10.0
