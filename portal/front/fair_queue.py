"""Queue requests in lines that take turns, so that a flood delays mostly itself.

A line is a network that requests come from, and the credential that they have. Networks take turns,
and within each network its credentials do. A caller with another caller's credential gains only a
place in a line of its own network.
"""

import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

SHARED_SECONDS = 1.0  # for so long after a request of another line, each line gets only one thread
# Seconds that a thread computes before Python lets another one run. A thread that waited for
# PostgreSQL waits for computing threads once for each statement: with Python's default of 5 ms, a
# page of ten statements takes 50 ms beside a computing thread. Frequent switching costs some speed,
# so it is used only while there are several lines.
SHARED_SWITCH, ALONE_SWITCH = 0.0001, 0.005


class Line(NamedTuple):
    """The network that a request comes from, and the credential that it has."""

    source: str
    name: str


class FairQueue(Generic[T]):
    """Hold calls that wait in lines. Thread-safe.

    As many calls run at a time as there are slots. There may be more threads than slots: a call
    that waits for another system gives up its slot for that time, and gets one back before calls
    that have not begun.

    Only a limited number of calls of one line run at a time, and only one while other lines have
    calls too. So the next call of another line finds a free thread, and few calls compete for the
    interpreter. A network with many lines is limited as well, so that other networks find a thread.
    """

    def __init__(self, slots: int, at_once: int, of_one_source: int) -> None:
        self._free, self._at_once, self._of_one_source = slots, at_once, of_one_source
        self._lock = Lock()
        self._waiting: OrderedDict[str, OrderedDict[str, deque[T]]] = OrderedDict()
        self._worked_on: Counter[Line] = Counter()
        self._busy_for: Counter[str] = Counter()  # threads, by network
        self._latest: Line | None = None
        self._shared_until = 0.0
        # Threads without a call. The one that worked last is woken first: its memory is still in
        # the processor's caches.
        self._idle: list[Lock] = []
        self._coming_back: deque[tuple[Line, Lock]] = deque()
        self._stopping = False

    def put(self, line: Line, call: T) -> None:
        """Add a call at the end of its line."""
        with self._lock:
            woken = self._append(line, call)
        if woken is not None:
            woken.release()

    def put_for_another(self, line: Line, call: T) -> T | None:
        """Replace a waiting call with this one, and return the replaced call.

        It is the last call of the longest line in the network with the most waiting calls. Return
        None, and change nothing, if the call's own network has as many and no longer line: a
        network does not gain places by sending each call with a credential of its own.
        """
        with self._lock:
            longest = self._longest_but(line)
            if longest is None:
                return None
            given_up = self._of(longest).pop()
            self._drop_if_empty(longest)
            woken = self._append(line, call)
        if woken is not None:
            woken.release()
        return given_up

    def take(self, waiter: Lock) -> tuple[Line, T] | None:
        """Wait for the next call and return it with its line. Return None after `stop`.

        Call `done` afterwards. `waiter` is a locked lock that belongs to the calling thread.
        """
        while True:
            with self._lock:
                taken, is_over = self._next(), self._stopping
                if taken is None and not is_over:
                    self._idle.append(waiter)
                woken = self._woken(taken is not None and bool(self._waiting))
            if woken is not None:
                woken.release()
            if taken is not None or is_over:
                return taken
            waiter.acquire()

    def look_again(self, is_over: Callable[[T], bool]) -> list[T]:
        """Remove the calls at the heads of lines that waited for too long, and return them. Start
        another call if that is possible since other lines have had none for a while."""
        late: list[T] = []
        with self._lock:
            for line in list(self._lines()):
                calls = self._of(line)
                while calls and is_over(calls[0]):
                    late.append(calls.popleft())
                self._drop_if_empty(line)
            woken = self._woken(any(map(self._may_run, self._lines())))
        if woken is not None:
            woken.release()
        return late

    def done(self, line: Line) -> None:
        """Record that a call of this line has ended. Its thread calls `take` next."""
        with self._lock:
            self._leave(line)

    def give_up(self, line: Line) -> None:
        """Free the slot of a call of this line, which goes on waiting for another system."""
        with self._lock:
            self._leave(line)
            woken = self._woken(bool(self._waiting))
        if woken is not None:
            woken.release()

    def get_back(self, line: Line) -> None:
        """Wait until there is a slot for a call of this line that gave up its own."""
        waiter = Lock()
        with self._lock:
            if self._free > 0:
                self._enter(line)
                return
            waiter.acquire()
            self._coming_back.append((line, waiter))
        waiter.acquire()

    def stop(self, threads: int) -> None:
        """Make `threads` calls of `take` return None after the waiting calls are done."""
        with self._lock:
            self._at_once, self._of_one_source, self._shared_until = threads, threads, 0.0
            self._stopping = True
            idle, self._idle = self._idle, []
        for waiter in idle:
            waiter.release()

    def _longest_but(self, line: Line) -> Line | None:
        """Return the line that must give up a place for a call of this one, or None."""
        fullest = max(self._waiting, key=self._waiting_of, default=None)
        if fullest is None:
            return None
        if self._waiting_of(fullest) <= self._waiting_of(line.source):
            fullest = line.source
        names = self._waiting[fullest]
        longest = max(names, key=lambda name: len(names[name]))
        own = names.get(line.name, ()) if fullest == line.source else ()
        return Line(fullest, longest) if len(names[longest]) > len(own) else None

    def _waiting_of(self, source: str) -> int:
        return sum(map(len, self._waiting.get(source, {}).values()))

    def _next(self) -> tuple[Line, T] | None:
        for line in self._lines():
            if self._may_run(line):
                return line, self._taken(line)
        return None

    def _woken(self, is_needed: bool) -> "Lock | None":
        return self._idle.pop() if is_needed and self._free > 0 and self._idle else None

    def _may_run(self, line: Line) -> bool:
        has_room = self._free > 0 and self._busy_for[line.source] < self._of_one_source
        return has_room and self._worked_on[line] < self._most()

    def _most(self) -> int:
        """Return how many calls of one line may run at a time now."""
        if not self._shared_until:
            return self._at_once
        if time.monotonic() < self._shared_until:
            return 1
        self._shared_until = 0.0
        sys.setswitchinterval(ALONE_SWITCH)
        return self._at_once

    def _lines(self) -> Iterator[Line]:
        for source, names in self._waiting.items():
            for name in names:
                yield Line(source, name)

    def _of(self, line: Line) -> deque[T]:
        return self._waiting[line.source][line.name]

    def _append(self, line: Line, call: T) -> "Lock | None":
        """Add a call and return the lock of the thread to wake for it, if there is one."""
        if line != self._latest:
            self._latest, self._shared_until = line, time.monotonic() + SHARED_SECONDS
            sys.setswitchinterval(SHARED_SWITCH)
        names = self._waiting.setdefault(line.source, OrderedDict())
        names.setdefault(line.name, deque()).append(call)
        return self._woken(self._may_run(line))

    def _taken(self, line: Line) -> T:
        call = self._of(line).popleft()
        self._enter(line)
        self._waiting[line.source].move_to_end(line.name)
        self._waiting.move_to_end(line.source)
        self._drop_if_empty(line)
        return call

    def _enter(self, line: Line) -> None:
        """Let a call of this line have a slot."""
        self._free -= 1
        self._worked_on[line] += 1
        self._busy_for[line.source] += 1

    def _leave(self, line: Line) -> None:
        """Free the slot of a call of this line, or give it to the first that comes back."""
        self._free += 1
        self._worked_on[line] -= 1
        if not self._worked_on[line]:
            del self._worked_on[line]
        self._busy_for[line.source] -= 1
        if not self._busy_for[line.source]:
            del self._busy_for[line.source]
        if self._coming_back:
            first, waiter = self._coming_back.popleft()
            self._enter(first)
            waiter.release()

    def _drop_if_empty(self, line: Line) -> None:
        if not self._of(line):
            del self._waiting[line.source][line.name]
            if not self._waiting[line.source]:
                del self._waiting[line.source]
