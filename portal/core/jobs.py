"""Declare the periodic jobs of a feature, which the worker runs.

A feature lists its jobs as `HOUSEKEEPING` in a module `housekeeping.py` of its package:

    HOUSEKEEPING = [
        Job("forget ended sessions", forget_ended, timedelta(hours=1), due=asking("due_sessions")),
    ]

In the same module, `ENGINES` lists what runs all the time in a thread of its own: classes that are
created with the application and have `start` and `stop`. `stop` returns when all work is done.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Select, func, select, text

T = TypeVar("T")
TABLE_LOCK_SECONDS = 0.1
"""For a job that changes a table itself. While it waits for somebody who reads the table for long,
as a backup does, all others wait behind it; so it gives up and is tried again later."""

LONGEST_STEP = 0.5  # seconds; then other tenants get a turn, and a cancellation is heard

Due = Callable[[str, int], Any]
"""Build a query for the ids of tenants that have work due, in the order of the ids. The arguments
are the id to start after and the greatest number of tenants."""


@dataclass(frozen=True)
class Job:
    """Describe a job that is safe to run at any time and twice, such as deleting expired rows.

    `run` has no arguments, and then sees only tables without a tenant. With `due`, it receives the
    id of a tenant that has work due and runs in a transaction of that tenant. It runs in an
    application context and does not commit: its caller does. The database's clock decides what has
    expired. A job with `repeats` does a limited amount of work and returns whether there may be
    more; then it runs again soon, in a new transaction.
    """

    name: str
    run: Callable[..., object]
    every: timedelta
    due: Due | None = None
    repeats: bool = False


def in_time(due: Iterable[T]) -> Iterator[T]:
    """Yield what is due until this has taken LONGEST_STEP, and the first in any case.

    It is for jobs that repeat: what one record needs may depend on how much its tenant has.
    """
    begun = time.monotonic()
    for one in due:
        yield one
        if time.monotonic() - begun > LONGEST_STEP:
            return


def due_by(function: str, *arguments: Any) -> Due:
    """Query an SQL function of the owner: `function(after_tenant, at_most, *arguments)`.

    The worker itself sees one tenant at a time. The function returns tenant ids and nothing else.
    """

    def question(after: str, at_most: int) -> Select[Any]:
        return select(getattr(func, function)(after, at_most, *arguments))

    return question


def every_tenant(after: str, at_most: int) -> Any:
    """Query all tenants: only the job's `run` can find out whether work is due.

    Their turns are spread over the first half of the job's interval.
    """
    query = text("SELECT id FROM tenant WHERE id > :after ORDER BY id LIMIT :at_most")
    return query.bindparams(after=after, at_most=at_most)
