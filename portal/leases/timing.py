"""Decide when a token is renewed and when a failed attempt is repeated. Times are the database's.

| what came of it       | next attempt                                                       |
| --------------------- | ------------------------------------------------------------------ |
| a token with an end   | 5 minutes or a tenth of its life before it, half its life at most  |
| a token without one   | in an hour                                                         |
| credentials           | when they change                                                   |
| auth_*, config        | when the connector changes, or a check of it passes again          |
| rate_limited          | when the provider says, in a minute at least and a day at most     |
| any other failure     | after 1, 5, 15, 60 minutes                                         |

A provider locks an account that signs in with a wrong password again and again, so a refusal is not
repeated.
"""

from datetime import datetime, timedelta

from portal.connections.check_results import AGAIN, OWN_FAULTS, Result, next_check
from portal.providers.steps import NEED_A_PERSON

AT_LEAST_BEFORE = timedelta(minutes=5)
UNKNOWN_LIFE = timedelta(hours=1)
SHORTEST = timedelta(seconds=30)
"""Between two tokens of one connector, however short their life is."""


def renew_at(fetched_at: datetime, expires_at: datetime | None) -> datetime:
    """Return when a token is replaced by the next one."""
    if expires_at is None:
        return fetched_at + UNKNOWN_LIFE
    life = expires_at - fetched_at
    before = min(max(AT_LEAST_BEFORE, life / 10), life / 2)
    return max(expires_at - before, fetched_at + SHORTEST)


def try_again_at(
    outcome: str, at: datetime, failures: int, retry_at: datetime | None = None
) -> datetime | None:
    """Return when a failed attempt is repeated; None if not before something changes."""
    if outcome in NEED_A_PERSON:
        return None
    if outcome in OWN_FAULTS:
        return at + AGAIN[min(failures, len(AGAIN)) - 1]
    again, _ = next_check(Result(outcome, "", at, retry_at=retry_at), failures)
    return again
