"""Test the policy: every rule is a row of a table."""

from datetime import timedelta
from typing import Any

import pytest

from portal.delivery.queue import policy
from portal.delivery.queue.policy import Decision, decide, should_pause, wait_after
from portal.outbound import Outcome

POLICY = {"maxAttempts": 10, "backoff": "exponential", "timeoutMs": 15000}
SECONDS, MINUTES, HOURS = (
    timedelta(seconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
)


def outcome(kind: Any = "http_error", status: int | None = None, **more: Any) -> Outcome:
    return Outcome(kind, "", status=status, **more)


@pytest.mark.parametrize(
    ("came", "attempt", "decision"),
    [
        (outcome("delivered", 200), 1, Decision("delivered")),
        (outcome("delivered", 204), 10, Decision("delivered")),
        (outcome("http_error", 500), 1, Decision("retrying", 5 * SECONDS, counts=True)),
        (outcome("http_error", 404), 2, Decision("retrying", 5 * MINUTES, counts=True)),
        (outcome("redirect", 302), 3, Decision("retrying", 30 * MINUTES, counts=True)),
        (outcome("refused"), 4, Decision("retrying", 2 * HOURS, counts=True)),
        (outcome("http_error", 500), 10, Decision("failed", counts=True)),
        (outcome("timeout"), 1, Decision("retrying", 60 * SECONDS, counts=True)),
        (outcome("cancelled"), 10, Decision("retrying")),
        (
            outcome("http_error", 410),
            1,
            Decision("retrying", 5 * SECONDS, counts=True, pause="gone"),
        ),
        (
            outcome("http_error", 429, retry_after=120 * SECONDS),
            1,
            Decision("retrying", 120 * SECONDS, slow=120 * SECONDS),
        ),
        (outcome("http_error", 503), 1, Decision("retrying", 5 * SECONDS, slow=1 * SECONDS)),
        (
            outcome("http_error", 500, retry_after=20 * SECONDS),
            1,
            Decision("retrying", 20 * SECONDS, counts=True),
        ),
        (
            outcome("http_error", 500, retry_after=1 * SECONDS),
            2,
            Decision("retrying", 5 * MINUTES, counts=True),
        ),
        (outcome("http_error", 429), 10, Decision("failed", slow=1 * SECONDS)),
    ],
)
def test_the_decision(came: Outcome, attempt: int, decision: Decision) -> None:
    assert decide(came, attempt, POLICY) == decision


def test_the_default_schedule_is_the_specifications() -> None:
    waits = [wait_after(attempt, "exponential") for attempt in range(1, 10)]
    assert sum(waits, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    assert wait_after(19, "exponential") == 24 * HOURS


def test_the_other_schedules() -> None:
    assert [wait_after(n, "linear") // MINUTES for n in (1, 2, 3)] == [10, 20, 30]
    assert [wait_after(n, "fixed") // MINUTES for n in (1, 2, 3)] == [5, 5, 5]


@pytest.mark.parametrize(("chance", "seconds"), [(-1, 240), (0, 300), (1, 360)])
def test_the_wait_moves_by_a_fifth(chance: float, seconds: int) -> None:
    assert wait_after(2, "exponential", chance).total_seconds() == pytest.approx(seconds)


def test_an_endpoint_that_asks_for_patience_again_gets_more() -> None:
    came = outcome("http_error", 503)
    slow = [decide(came, 1, POLICY, throttles=n).slow for n in (0, 1, 2, 20, 5000)]
    assert slow == [1 * SECONDS, 2 * SECONDS, 4 * SECONDS, 5 * MINUTES, 5 * MINUTES]


@pytest.mark.parametrize(
    ("failures", "failing_for", "pauses"),
    [
        (200, 1 * SECONDS, False),
        (3, 24 * HOURS, False),
        (10, 10 * MINUTES, True),
        (9, 10 * MINUTES, False),
        (10, 599 * SECONDS, False),
    ],
)
def test_a_pause_needs_many_failures_and_a_long_time(
    failures: int, failing_for: timedelta, pauses: bool
) -> None:
    assert should_pause(failures, failing_for) is pauses


def test_probes_become_rarer_and_never_end() -> None:
    assert [policy.next_probe(n) // MINUTES for n in (0, 1, 2, 3, 4, 99)] == [1, 5, 15, 30, 60, 60]


def test_a_resumed_endpoint_is_ramped_up() -> None:
    rates = [policy.ramp(seconds) for seconds in (None, 0.0, 1.5, 3.0, 10.0)]
    assert rates == [None, 1.0, 2.0, 8.0, None]
