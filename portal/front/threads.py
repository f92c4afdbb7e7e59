"""Run calls in a bounded number of threads; refuse what would wait too long."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

WAIT_SECONDS = 10.0  # a call that gets no thread until then is not begun


class Busy(Exception):
    """Too many calls wait for a thread, or this one waited too long."""


class Threads:
    """A share of threads, and a share of places to wait for them. Used from one event loop."""

    def __init__(self, name: str, threads: int, places: int) -> None:
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._most = threads + places
        self._in_hand = 0

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what the call returns, from one of the threads. Raises Busy."""
        if self._in_hand >= self._most:
            raise Busy
        self._in_hand += 1
        until = time.monotonic() + WAIT_SECONDS
        begun = self._executor.submit(_in_time, until, work, arguments)
        # A request that is given up goes on in its thread, and keeps its place until it is done.
        begun.add_done_callback(self._done)
        return await asyncio.wrap_future(begun)

    def _done(self, one: "Future[Any]") -> None:
        self._in_hand -= 1

    def stop(self) -> None:
        """Wait for the calls in hand; begin no other."""
        self._executor.shutdown(wait=True, cancel_futures=True)


def _in_time(until: float, work: Callable[..., T], arguments: tuple[object, ...]) -> T:
    if time.monotonic() > until:
        raise Busy
    return work(*arguments)
