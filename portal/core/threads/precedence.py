"""Let short calls run before long ones, in a process whose threads share one interpreter.

Python runs one thread at a time and gives each an equal share. A page that computes for 8 ms took
23 ms next to one tenant's calls that compute all the time. So each call belongs to a line, such as
the requests from one network with one credential. A call whose line has computed a lot lately waits
in `give_way` while a call whose line has computed less is young. Code that can compute for more
than a few milliseconds calls `give_way` regularly, but not while it holds a lock that calls of
other lines need.

The wait is limited, because the other call may itself be waiting and not computing, lines are not
verified, and there may be many of them. A line that has to wait loses a third of its time.
"""

import time
from collections.abc import Hashable
from threading import Condition, Lock, get_ident

SMALL_SECONDS = 0.05  # a line that has computed no longer than this never waits
UNEQUAL = 1.5  # lines whose times differ by less than this factor are equal
YOUNG_SECONDS = 0.05  # a call that runs longer loses its precedence: it may itself be waiting
PATIENCE_SECONDS = 0.1  # the longest total wait of one call, because it may hold a lock
MOST_WAITED = 0.5  # the most seconds that a line waits, counted as below: a third of its time
HALVED_SECONDS = 1.0  # after so long, the time that a line has computed or waited counts half
MOST_LINES = 10_000


class _Line:
    """Count the seconds that a line has computed and waited lately; older ones count less."""

    __slots__ = ("at", "computed", "waited")

    def __init__(self) -> None:
        self.computed, self.waited, self.at = 0.0, 0.0, time.monotonic()

    def fade(self) -> None:
        """Reduce the counts by the time that has passed since the last call."""
        now = time.monotonic()
        left = 0.5 ** ((now - self.at) / HALVED_SECONDS)
        self.computed, self.waited, self.at = self.computed * left, self.waited * left, now


class _Call:
    __slots__ = ("begun_at", "computed", "computed_before", "line", "patience", "waited")

    def __init__(self, line: _Line) -> None:
        self.line = line
        self.computed_before = line.computed
        self.patience = min(PATIENCE_SECONDS, MOST_WAITED - line.waited)
        self.waited = 0.0
        self.begun_at, self.computed = line.at, time.thread_time()

    @property
    def is_patient(self) -> bool:
        """Tell whether the call may be made to wait for another one."""
        return self.patience > 0 and self.computed_before > SMALL_SECONDS


class CallPrecedence:
    """Track the running calls of a process and the recent use by their lines. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._changed = Condition(self._lock)
        self._calls: dict[int, _Call] = {}  # by thread
        self._lines: dict[int, _Line] = {}  # by hash: a name may be long, and contain a credential
        self.somebody_waits = False

    def begin(self, name: Hashable) -> None:
        """Record that this thread begins a call of the line `name`."""
        with self._lock:
            if len(self._lines) >= MOST_LINES:
                self._lines.clear()
            line = self._lines.setdefault(hash(name), _Line())
            line.fade()
            self._calls[get_ident()] = _Call(line)
            if len(self._calls) > 1:
                self._compare()

    def end(self) -> None:
        """Record that this thread's call has ended."""
        with self._lock:
            call = self._calls.pop(get_ident())
            call.line.computed += time.thread_time() - call.computed
            call.line.waited += call.waited
            if self.somebody_waits:
                self._compare()
                self._changed.notify_all()

    def wait(self) -> None:
        """Wait while a call with precedence is young, for as long as this call's patience lasts."""
        call = self._calls.get(get_ident())
        if call is None or not call.is_patient:
            return
        with self._lock:
            while call.is_patient and (left := self._youth_before(call)) > 0:
                begun_at = time.monotonic()
                self._changed.wait(min(left, call.patience))
                waited = time.monotonic() - begun_at
                call.patience -= waited
                call.waited += waited
            self._compare()

    def _youth_before(self, call: _Call) -> float:
        """Return the seconds until no call has precedence over this one, if none begins or ends."""
        born = (
            other.begun_at
            for other in self._calls.values()
            if other.computed_before * UNEQUAL < call.computed_before
        )
        return max(born, default=0.0) + YOUNG_SECONDS - time.monotonic()

    def _compare(self) -> None:
        """Update whether any running call has to wait for another one."""
        self.somebody_waits = any(
            call.is_patient and self._youth_before(call) > 0 for call in self._calls.values()
        )


calls = CallPrecedence()


def give_way() -> None:
    """Give way to calls of lines that have computed less. Outside a call, do nothing."""
    if calls.somebody_waits:
        calls.wait()
