"""Who goes first in a process whose threads compute in turns.

Python runs one thread at a time and gives each an equal part. A page that computes for 8 ms took
23 ms beside one tenant's calls that compute without end. So a call of a line that has computed much
lately waits, wherever it calls `give_way`, until the calls of lines that have computed less are
done, for a bounded time. Whatever can compute for more than a few milliseconds calls `give_way` now
and then, but not while it holds a lock that calls of other lines need.
"""

import time
from collections.abc import Hashable
from threading import Condition, Lock, get_ident

SMALL_SECONDS = 0.05  # a line that has computed no longer than this waits for nobody
UNEQUAL = 1.5  # lines whose times differ by less than this factor are equal
PATIENCE_SECONDS = 0.1  # a call waits no longer than this altogether, because it may hold a lock
HALVED_SECONDS = 1.0  # after so long the time that a line has computed counts for half


class _Call:
    __slots__ = ("begun_at", "line", "patience", "spent")

    def __init__(self, line: Hashable, spent: float) -> None:
        self.line, self.spent = line, spent
        self.patience, self.begun_at = PATIENCE_SECONDS, time.thread_time()


class Precedence:
    """The running calls of a process, and how long their lines have computed lately. Safe to share
    between threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._calls: dict[int, _Call] = {}  # by thread
        self._spent: dict[Hashable, float] = {}  # seconds of processor time, by line
        self._halved_at = 0.0
        self.somebody_waits = False

    def begin(self, line: Hashable) -> None:
        """Note that this thread begins a call of a line."""
        with self._lock:
            if time.monotonic() > self._halved_at + HALVED_SECONDS:
                self._halve()
            self._calls[get_ident()] = _Call(line, self._spent.get(line, 0.0))
            if len(self._calls) > 1:
                self._compare()

    def end(self) -> None:
        """Note that the call of this thread has ended."""
        with self._lock:
            call = self._calls.pop(get_ident())
            computed = time.thread_time() - call.begun_at
            self._spent[call.line] = self._spent.get(call.line, 0.0) + computed
            if self.somebody_waits:
                self._compare()
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait until no running call has precedence over this thread's, or its patience ends."""
        call = self._calls.get(get_ident())
        if call is None or call.spent <= SMALL_SECONDS:
            return
        with self._lock:
            while call.patience > 0 and self._least() * UNEQUAL < call.spent:
                begun_at = time.monotonic()
                self._changed.wait(call.patience)
                call.patience -= time.monotonic() - begun_at
            self._compare()

    def _least(self) -> float:
        return min(call.spent for call in self._calls.values())

    def _compare(self) -> None:
        """Note whether any running call is to wait for another."""
        waiting = [call.spent for call in self._calls.values() if call.patience > 0]
        most = max(waiting, default=0.0)
        self.somebody_waits = most > SMALL_SECONDS and self._least() * UNEQUAL < most

    def _halve(self) -> None:
        self._halved_at = time.monotonic()
        halves = ((line, spent / 2) for line, spent in self._spent.items())
        self._spent = {line: half for line, half in halves if half > SMALL_SECONDS / 100}


calls = Precedence()


def give_way() -> None:
    """Let calls of lines that have computed less go first; outside a call, do nothing."""
    if calls.somebody_waits:
        calls.wait()
