"""Who tries keys that do not exist: counted by where the tries come from, never by the key.

A count by key would let a stranger lock out its owner. IPv6 sources are networks of 64 bits: one
host has that many addresses for itself.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address

from portal.networks import Address

ALLOWED = 30  # unknown keys a window, a source and process
WINDOW_SECONDS = 60.0
CAPACITY = 10_000


class FailedSources:
    """The sources whose keys were unknown, in this process. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[int, tuple[int, float]] = OrderedDict()

    def note(self, source: Address | None) -> None:
        """One more unknown key from there."""
        if source is None:
            return
        with self._lock:
            count, ends = self._failures.pop(_name(source), (0, 0.0))
            if ends <= self._clock():
                count, ends = 0, self._clock() + WINDOW_SECONDS
            self._failures[_name(source)] = (count + 1, ends)
            while len(self._failures) > CAPACITY:
                self._failures.popitem(last=False)

    def wait(self, source: Address | None) -> int:
        """Seconds until the source may have a key looked up again; 0 for now."""
        found = None if source is None else self._failures.get(_name(source))
        if found is None or found[0] < ALLOWED:
            return 0
        return max(0, int(found[1] - self._clock() + 0.999))


def _name(source: Address) -> int:
    number = int(source)
    return -1 - (number >> 64) if isinstance(source, IPv6Address) else number
