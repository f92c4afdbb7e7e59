"""Who is next: requests wait in lines, and the lines take turns, so that a flood keeps itself
waiting and hardly anybody else.

A line is where a request comes from, and in whose name it says it comes: of several networks each
has its turn, and in each of them every name. What somebody else's name gains is a place in a line
of one's own network.
"""

import sys
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Iterator
from queue import SimpleQueue
from threading import Lock
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

SHARED_SECONDS = 1.0  # this long after a request of another line, one thread is enough for each
# Seconds that a thread computes before it lets another. One that waited for PostgreSQL waits for
# those that compute, once for each statement: with Python's 5 ms a page of ten statements takes
# 50 ms beside somebody else's computing. Alone, letting others costs a twentieth of the speed.
SHARED_SWITCH, ALONE_SWITCH = 0.0005, 0.005


class Line(NamedTuple):
    """The network that a request comes from, and the credential that it shows."""

    source: str
    name: str


class Turns(Generic[T]):
    """Calls that wait in lines. Safe to share between threads.

    Of one line only so many are worked on at a time, and only one while others ask too: the next
    of another finds a free thread, and shares the interpreter with few.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._lock = Lock()
        self._waiting: OrderedDict[str, OrderedDict[str, deque[T]]] = OrderedDict()
        self._worked_on: Counter[Line] = Counter()
        self._latest: Line | None = None
        self._shared_until = 0.0
        # One token for each call, because this queue wakes a thread for less than a Condition.
        # `_owed` are those that were taken while all that waited were of lines with enough going.
        self._tokens: SimpleQueue[bool] = SimpleQueue()
        self._owed = 0

    def put(self, line: Line, call: T) -> None:
        """Let a call wait at the end of its line."""
        with self._lock:
            if line != self._latest:
                self._latest, self._shared_until = line, time.monotonic() + SHARED_SECONDS
                sys.setswitchinterval(SHARED_SWITCH)
            self._append(line, call)
        self._tokens.put(True)

    def put_for_another(self, line: Line, call: T) -> T | None:
        """Let a call wait in place of the last one in the longest line, which comes back. None, and
        nothing is done, where no line is longer than its own."""
        with self._lock:
            names = self._waiting.get(line.source)
            own = len(names[line.name]) if names and line.name in names else 0
            longest = max(self._lines(), key=lambda one: len(self._of(one)), default=None)
            if longest is None or len(self._of(longest)) <= own:
                return None
            given_up = self._of(longest).pop()
            self._drop_if_empty(longest)
            self._append(line, call)
            return given_up

    def take(self) -> tuple[Line, T] | None:
        """Wait for the next call; None when all is over. Say `done` with its line after it."""
        while self._tokens.get():
            with self._lock:
                most = self._most()
                for line in self._lines():
                    if self._worked_on[line] < most:
                        return line, self._taken(line)
                self._owed += 1
        return None

    def done(self, line: Line) -> None:
        """One call of this line is not worked on any more."""
        with self._lock:
            self._worked_on[line] -= 1
            if not self._worked_on[line]:
                del self._worked_on[line]
            if self._owed:
                self._owed -= 1
                self._tokens.put(True)

    def stop(self, threads: int) -> None:
        """Let so many threads hear that all is over, after the calls that wait."""
        with self._lock:
            self._at_once, self._shared_until = threads, 0.0
            for _ in range(self._owed):
                self._tokens.put(True)
            self._owed = 0
            for _ in range(threads):
                self._tokens.put(False)

    def _most(self) -> int:
        """How many calls of one line are worked on at a time, now."""
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

    def _append(self, line: Line, call: T) -> None:
        names = self._waiting.setdefault(line.source, OrderedDict())
        names.setdefault(line.name, deque()).append(call)

    def _taken(self, line: Line) -> T:
        call = self._of(line).popleft()
        self._worked_on[line] += 1
        self._waiting[line.source].move_to_end(line.name)
        self._waiting.move_to_end(line.source)
        self._drop_if_empty(line)
        return call

    def _drop_if_empty(self, line: Line) -> None:
        if not self._of(line):
            del self._waiting[line.source][line.name]
            if not self._waiting[line.source]:
                del self._waiting[line.source]
