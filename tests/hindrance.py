"""Measure how much a busy machine delays calls, so that a test of a time can allow for it."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

PAUSE_SECONDS = 0.02
QUIET_CALLS = 10
STEPS = 5  # processes and threads that a call passes at most: each may be delayed


@contextmanager
def again_and_again(call: Callable[[], T]) -> Iterator[list[T]]:
    """Repeat a call in a thread until the block ends; yield the list of its results, in order."""
    results: list[T] = []
    going = True

    def go_on() -> None:
        while going:
            results.append(call())
            time.sleep(PAUSE_SECONDS)

    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(go_on)
        try:
            yield results
        finally:
            going = False
        asked.result()


@contextmanager
def hindrance(simple: Callable[[], object]) -> Iterator[Callable[[], float]]:
    """Repeat a simple call until the block ends; yield a function that returns the allowance.

    The allowance is how many seconds longer than promised another call may take. The simple one
    needs nothing but the event loop of the same server, as /healthz does, so only a busy machine
    makes it slower than it was at its quickest.
    """

    def seconds_of_one() -> float:
        begun = time.monotonic()
        simple()
        return time.monotonic() - begun

    with again_and_again(seconds_of_one) as seconds:
        while len(seconds) < QUIET_CALLS:
            time.sleep(PAUSE_SECONDS)
        yield lambda: STEPS * (max(seconds) - min(seconds))
