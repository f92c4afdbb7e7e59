"""Run calls in a bounded thread pool, and refuse calls that would wait too long.

`ThreadPoolExecutor` with `wrap_future` would take 60 µs of processor time per call instead of 20.
The difference is a tenth of what a small request costs.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, NamedTuple, TypeVar

from portal.core.threads import precedence, slot
from portal.front.fair_queue import FairQueue, Line

T = TypeVar("T")

WAIT_SECONDS = 10.0  # a call that gets no thread within this time is not started
LOOK_SECONDS = 0.05  # the longest time until the loop learns that a call without a result has ended


class Busy(Exception):
    """Too many calls wait for a thread, or this one waited too long."""


class Call(NamedTuple):
    """Hold a call to run, the latest time to start it, and the future that waits for its result."""

    until: float
    work: Callable[..., Any]
    arguments: tuple[object, ...]
    answer: "asyncio.Future[Any]"


class Slot(NamedTuple):
    """The slot of a call, for `portal.core.threads.slot`."""

    calls: "FairQueue[Call]"
    line: Line

    def give_up(self) -> None:
        """Let another call run."""
        self.calls.give_up(self.line)

    def get_back(self) -> None:
        """Wait until the call may go on."""
        self.calls.get_back(self.line)


class Threads:
    """Slots for calls, and places to wait for them. Used from one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        name: str,
        slots: int,
        places: int,
        at_once: int | None = None,
        of_one_source: int | None = None,
        spare: int = 0,
    ) -> None:
        """Start the threads: one for each slot, and `spare` for calls that gave up theirs.

        At most `at_once` slots are for one line, and `of_one_source` for the lines of a network.
        """
        self._loop = loop
        self._calls: FairQueue[Call] = FairQueue(slots, at_once or slots, of_one_source or slots)
        self._most = slots + spare + places
        self._in_hand = 0
        # Calls that ended without a result. The loop is not woken for each of them: that would cost
        # a change of threads.
        self._ended: deque[asyncio.Future[Any]] = deque()
        self._looks = False
        self.threads = [
            Thread(target=self._work, name=f"{name}-{number}") for number in range(slots + spare)
        ]
        for thread in self.threads:
            thread.start()

    async def run(self, line: Line, work: Callable[..., T], *arguments: object) -> T:
        """Run a call in one of the threads and return its result. Raises Busy.

        Calls wait in lines that take turns. A call that returns None has done everything itself, so
        nothing urgently waits for its end: it may be reported as late as LOOK_SECONDS.
        """
        self._note_ended()
        if not self._looks:
            self._looks = True
            self._loop.call_later(LOOK_SECONDS, self._look)
        answer: asyncio.Future[T] = self._loop.create_future()
        call = Call(time.monotonic() + WAIT_SECONDS, work, arguments, answer)
        if self._in_hand < self._most:
            self._in_hand += 1
            self._calls.put(line, call)
        elif given_up := self._calls.put_for_another(line, call):
            if not given_up.answer.done():
                given_up.answer.set_exception(Busy())
        else:
            raise Busy
        return await answer

    def stop(self) -> None:
        """Stop the threads after all running and waiting calls are done."""
        self._calls.stop(len(self.threads))
        for thread in self.threads:
            thread.join()
        self._note_ended()

    def _work(self) -> None:
        waiter = Lock()
        waiter.acquire()
        while (taken := self._calls.take(waiter)) is not None:
            line, call = taken
            fault: BaseException | None = None
            result = None
            try:
                if time.monotonic() > call.until:
                    raise Busy
                precedence.calls.begin(line)
                try:
                    with slot.holding(Slot(self._calls, line)):
                        result = call.work(*call.arguments)
                finally:
                    precedence.calls.end()
            except BaseException as error:  # noqa: BLE001  it is raised where the call is awaited
                fault = error
            self._calls.done(line)
            if result is None and fault is None:
                self._ended.append(call.answer)
            else:
                self._loop.call_soon_threadsafe(self._done, call.answer, result, fault)
            del taken, call, result, fault  # keep nothing of a request while waiting for the next

    def _look(self) -> None:
        self._note_ended()
        now = time.monotonic()
        for call in self._calls.look_again(lambda call: call.until < now):
            self._done(call.answer, None, Busy())
        self._looks = self._in_hand > 0
        if self._looks:
            self._loop.call_later(LOOK_SECONDS, self._look)

    def _note_ended(self) -> None:
        while self._ended:
            self._done(self._ended.popleft(), None, None)

    def _done(self, answer: "asyncio.Future[Any]", result: object, fault: Any) -> None:
        # A call that was cancelled still runs in its thread, and counts until it is done.
        self._in_hand -= 1
        if answer.cancelled():
            return
        if fault is None:
            answer.set_result(result)
        else:
            answer.set_exception(fault)
