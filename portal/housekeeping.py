"""What a feature asks the worker to do again and again.

A feature lists its jobs as `HOUSEKEEPING` in a module `housekeeping.py` of its package:

    HOUSEKEEPING = [Job("forget ended sessions", service.forget_ended, timedelta(minutes=10))]

What is to run all the time, in a thread of its own, it lists there as `ENGINES`: classes that are
made with the application, with `start` and `stop`; `stop` returns when all is done.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Job:
    """Something that is right to run at any time and twice, such as deleting what has expired.

    `run` takes the tenant's id (`per_tenant`), in a transaction of that tenant, or nothing, and
    then sees tables without a tenant alone. It is run in an application context and commits
    nothing: its caller does. What has expired, the database's clock decides. One that `repeats`
    does so much at once and answers whether there is more: then it is run again right away, in a
    transaction of its own.
    """

    name: str
    run: Callable[..., object]
    every: timedelta
    per_tenant: bool = False
    repeats: bool = False
