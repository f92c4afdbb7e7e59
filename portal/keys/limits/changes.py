"""Know which keys changed lately: what was lent to a key before its change is not kept."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable

from portal.core.deadlines import elapsed

CAPACITY = 20_000  # keys


class Changes:
    """Hold when this process heard of changes, by key id. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._at: OrderedDict[str, float] = OrderedDict()
        self._all_at = float("-inf")  # all keys may have changed until then

    def note(self, key_ids: Iterable[str]) -> None:
        """Note that these keys have changed."""
        with self._lock:
            now = self._clock()
            for key_id in key_ids:
                self._at[key_id] = now
                self._at.move_to_end(key_id)
            while len(self._at) > CAPACITY:
                self._all_at = self._at.popitem(last=False)[1]

    def note_all(self) -> None:
        """Note that any key may have changed."""
        with self._lock:
            self._at.clear()
            self._all_at = self._clock()

    def is_after(self, asked_at: float, key_id: str) -> bool:
        """Tell whether the key may have changed since a time of the clock."""
        with self._lock:
            return asked_at <= max(self._all_at, self._at.get(key_id, self._all_at))
