"""Decide what happens after an attempt: pure functions, without clock or database.

Source of the schedule and of the status rules: Standard Webhooks 1.0.0.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from portal.outbound import Outcome
from portal.webhooks.models import PauseReason, Unsent

State = Literal["delivered", "retrying", "failed"]

# Waits after the first, second, … attempt; the last one repeats.
EXPONENTIAL = (
    *(timedelta(seconds=5), timedelta(minutes=5), timedelta(minutes=30)),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
LINEAR_STEP = timedelta(minutes=10)
FIXED = timedelta(minutes=5)
JITTER = 0.2
AFTER_TIMEOUT = timedelta(seconds=60)
"""The shortest wait for a receiver that did not answer in time."""

SLOW_DOWN = (429, 503)
FIRST_SLOW_DOWN = timedelta(seconds=1)
LONGEST_SLOW_DOWN = timedelta(minutes=5)

PAUSE_FAILURES = 10
PAUSE_AFTER = timedelta(minutes=10)
WARN_FAILURES = 5
WARN_AFTER = timedelta(minutes=3)
"""Count and time must both be reached: two hundred failures in one second may be one incident."""

PROBES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))
GOOD_PROBES = 3
AFTER_GOOD_PROBE = timedelta(seconds=5)


class Decision(NamedTuple):
    """The next state of a delivery, with the `wait` until its next attempt, and of its endpoint.

    `counts`: the failure counts towards a pause. `slow`: nothing is sent to the endpoint for so
    long. `unsent`: why no request was made, if none was.
    """

    state: State
    wait: timedelta = timedelta(0)
    counts: bool = False
    slow: timedelta | None = None
    pause: PauseReason | None = None
    unsent: Unsent | None = None


def decide(
    outcome: Outcome,
    attempt: int,
    policy: Mapping[str, Any],
    *,
    chance: float = 0.0,
    throttles: int = 0,
) -> Decision:
    """Return the decision after attempt number `attempt` (from 1).

    `policy` is the retry_policy of a webhook. `chance` is from -1 to 1 and moves the wait within
    its jitter. `throttles` counts how often in a row the endpoint has already asked to slow down.
    """
    if outcome.succeeded:
        return Decision("delivered")
    if outcome.kind == "cancelled":  # our side ended it: not a failure of the receiver
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
    """Return the wait until the next attempt, after attempt number `attempt`."""
    if backoff == "fixed":
        wait = FIXED
    elif backoff == "linear":
        wait = LINEAR_STEP * attempt
    else:
        wait = EXPONENTIAL[min(attempt, len(EXPONENTIAL)) - 1]
    return wait * (1 + JITTER * chance)


def slow_down(asked: timedelta | None, throttles: int) -> timedelta:
    """Return for how long nothing is sent to an endpoint that asks to slow down."""
    if asked is not None:
        return asked
    return min(FIRST_SLOW_DOWN * (1 << min(throttles, 20)), LONGEST_SLOW_DOWN)


def should_pause(failures: int, failing_for: timedelta) -> bool:
    """Tell whether to pause an endpoint after this many failures in a row and this long."""
    return failures >= PAUSE_FAILURES and failing_for >= PAUSE_AFTER


def should_warn(failures: int, failing_for: timedelta) -> bool:
    """Tell whether to warn people that the endpoint will be paused if the failures continue."""
    return failures >= WARN_FAILURES and failing_for >= WARN_AFTER


def next_probe(probes: int) -> timedelta:
    """Return the wait until a paused endpoint is probed, after `probes` failed probes in a row."""
    return PROBES[min(probes, len(PROBES) - 1)]


def ramp(seconds: float | None) -> float | None:
    """Return the deliveries a second that are allowed so long after a pause: 1, 2, 4 …; None when
    the ramp is over."""
    if seconds is None or seconds >= RAMP_SECONDS:
        return None
    return float(2 ** int(max(seconds, 0.0)))


RAMP_SECONDS = 10.0
