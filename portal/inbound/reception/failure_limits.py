"""Limit how often one source may fail: counted in the memory of one process, before other work.

This protects the database from a flood of invalid requests. Each process counts for itself, so
several processes let more through than one. The quarantine in the database has limits of its own.
"""

import time
from threading import Lock

WINDOW = 60.0
LIMIT = 120
MOST = 10_000  # sources that are remembered


class Failures:
    """Count the failures of each source in the current window."""

    def __init__(self, limit: int = LIMIT, window: float = WINDOW) -> None:
        self._limit, self._window = limit, window
        self._lock = Lock()
        self._began = time.monotonic()
        self._counts: dict[tuple[str, str], int] = {}

    def wait(self, webhook_id: str, source: str) -> int:
        """Return the seconds to wait for a source that failed too often, 0 for any other."""
        with self._lock:
            left = self._turn()
            return left if self._counts.get((webhook_id, source), 0) >= self._limit else 0

    def note(self, webhook_id: str, source: str) -> None:
        """Count one failure. Sources beyond MOST are counted together."""
        with self._lock:
            self._turn()
            known = (webhook_id, source)
            if known not in self._counts and len(self._counts) >= MOST:
                known = ("", "")
            self._counts[known] = self._counts.get(known, 0) + 1

    def _turn(self) -> int:
        spent = time.monotonic() - self._began
        if spent >= self._window:
            self._began, spent = time.monotonic(), 0.0
            self._counts.clear()
        return max(1, int(self._window - spent))
