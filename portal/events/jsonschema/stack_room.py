"""Room on Python's stack for everything that a function calls.

Python keeps the frames of calls in chunks of 16 KiB. Where a chunk ends, each call allocates the
next one and each return frees it, so a loop just there takes up to two hundred times as long.
Schemas of tenants decide how deep the calls are, and so whether a loop is there.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

# A frame that does not fit gets a chunk of its size, rounded up to a power of two: 65,536 words for
# this one. The half that it leaves has room for the 1000 calls that Python allows.
WORDS = 33_000


def with_room(function: Callable[P, R]) -> Callable[P, R]:
    """Return the same function, whose calls find room for theirs in one chunk of the stack."""

    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    run.__code__ = run.__code__.replace(co_stacksize=WORDS)
    return wraps(function)(run)
