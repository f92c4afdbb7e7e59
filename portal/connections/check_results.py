"""Decide what the result of a check means for its connector. This table is nowhere else.

| outcome        | `sync_status`                       | errors in a row | next check             |
| -------------- | ----------------------------------- | --------------- | ---------------------- |
| passed         | healthy; degraded if they end soon  | 0               | in a day               |
| unproven       | pending                             | 0               | in a day               |
| auth_*, config | action_required                     | one more        | in a day               |
| rate_limited   | rate_limited                        | as before       | when the provider says |
| transient      | degraded; failing from the third on | one more        | 1, 5, 15, 60 minutes   |
| secret_store,  | as before: it is a fault of the     | as before       | 1 or 5 minutes         |
| internal       | portal itself                       |                 |                        |
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.providers.steps import NEED_A_PERSON

OWN_FAULTS = frozenset({"secret_store", "internal"})
DAY = timedelta(days=1)
SOON = timedelta(days=14)
RATE_LIMIT = timedelta(minutes=15)
AGAIN = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
FAILING_AFTER = 3
BEFORE_THE_END = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Result:
    """The parts of a finished check that move the connector. Times are the database's."""

    outcome: str
    said: str
    at: datetime
    expires_at: datetime | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """The connector's columns after a check."""

    sync_status: str
    consecutive_errors: int
    last_error: str | None


def move(result: Result, status: str, errors: int, last_error: str | None) -> Move:
    """Return what a result changes in a connector with this status, errors and last error."""
    if status == "disabled" or result.outcome in OWN_FAULTS:
        return Move(status, errors, last_error)
    if result.outcome == "passed":
        return Move("degraded" if _ends_soon(result) else "healthy", 0, None)
    if result.outcome == "unproven":
        return Move("pending", 0, None)
    if result.outcome in NEED_A_PERSON:
        return Move("action_required", errors + 1, result.said)
    if result.outcome == "rate_limited":
        return Move("rate_limited", errors, result.said)
    failing = errors + 1 >= FAILING_AFTER
    return Move("failing" if failing else "degraded", errors + 1, result.said)


def next_check(result: Result, times: int) -> tuple[datetime, str]:
    """Return when the connector is checked next, and why. `times` counts such results in a row."""
    if result.outcome == "rate_limited":
        wanted = result.retry_at or result.at + RATE_LIMIT
        return min(max(wanted, result.at + AGAIN[0]), result.at + DAY), "retry"
    if result.outcome in OWN_FAULTS:
        times = min(times, 2)  # that the other side failed often before is no reason to wait
    if result.outcome == "transient" or result.outcome in OWN_FAULTS:
        return result.at + AGAIN[min(times, len(AGAIN)) - 1], "retry"
    daily, end = result.at + DAY, result.expires_at
    if end is not None and result.at < end - BEFORE_THE_END < daily:
        return end - BEFORE_THE_END, "expiry"
    if end is not None and result.at < end < daily:
        return end, "expiry"
    return daily, "daily"


def _ends_soon(result: Result) -> bool:
    return result.expires_at is not None and result.expires_at - result.at < SOON
