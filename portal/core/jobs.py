"""What a feature asks the worker to do again and again.

A feature lists its jobs as `HOUSEKEEPING` in a module `housekeeping.py` of its package:

    HOUSEKEEPING = [
        Job("forget ended sessions", forget_ended, timedelta(hours=1), due=asking("due_sessions")),
    ]

What is to run all the time, in a thread of its own, it lists there as `ENGINES`: classes that are
made with the application, with `start` and `stop`; `stop` returns when all is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, func, select, text

Due = Callable[[str, int], Any]
"""Return the question for the tenants after an id that have something due, at most so many, in the
order of their ids."""


@dataclass(frozen=True)
class Job:
    """Something that is right to run at any time and twice, such as deleting what has expired.

    `run` takes nothing, and then sees tables without a tenant alone. With `due` it takes the id of
    a tenant that has something due, in a transaction of that tenant. It is run in an application
    context and commits nothing: its caller does. What has expired, the database's clock decides.
    One that `repeats` does so much at once and answers whether there is more: then it is run again
    soon, in a transaction of its own.
    """

    name: str
    run: Callable[..., object]
    every: timedelta
    due: Due | None = None
    repeats: bool = False


def asking(function: str, *arguments: Any) -> Due:
    """Ask a function of the owner, `function(after_tenant, at_most, *arguments)`: the worker sees
    one tenant at a time. It gives ids of tenants and nothing else."""

    def question(after: str, at_most: int) -> Select[Any]:
        return select(getattr(func, function)(after, at_most, *arguments))

    return question


def every_tenant(after: str, at_most: int) -> Any:
    """Ask for all tenants: only the job's run can tell whether something is due. Their turns are
    spread over the first half of its interval."""
    query = text("SELECT id FROM tenant WHERE id > :after ORDER BY id LIMIT :at_most")
    return query.bindparams(after=after, at_most=at_most)
