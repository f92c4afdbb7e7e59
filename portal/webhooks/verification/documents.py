"""Public documents that signatures are checked with: certificates and key sets, fetched once.

They come through the guard for everything outgoing, and are kept in the memory of one process.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

from portal.core.config import running
from portal.outbound import Request, send_now

FRESH, FAILED = 3600.0, 30.0
BY_HAND = 5.0
"""Somebody who has it verified anew sees what is there now, even so of a whole quarantine."""
MOST = 200
MAX_BYTES = 64 * 1024
TIMEOUT = 5.0

Look = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Asked:
    """When a document was asked for last, what is known of it, and why it could not be had then."""

    at: float = float("-inf")
    document: bytes | None = None
    problem: str = "It was not asked for yet."


NEVER = Asked()


class Documents:
    """URL → document, or that it could not be had a moment ago."""

    def __init__(self) -> None:
        self.clock = time.monotonic
        self._lock = Lock()
        self._kept: dict[str, Asked] = {}
        self._lines: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def get(self, url: str) -> bytes | None:
        """Return the document, if it is here."""
        return self._kept.get(url, NEVER).document

    def problem(self, url: str) -> str:
        """Return why it could not be had when it was asked for last; empty when it could."""
        return self._kept.get(url, NEVER).problem

    def needs(self, url: str, older_than: float = FRESH) -> bool:
        """Tell whether it is worth fetching: so many seconds old, or not to be had a while ago."""
        asked = self._kept.get(url, NEVER)
        patience = min(older_than, FAILED) if asked.problem else older_than
        return self.clock() - asked.at > patience

    def keep(self, url: str, document: bytes | None, problem: str = "") -> None:
        """Remember it; that it could not be had does not replace what is here."""
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = Asked(self.clock(), document or self.get(url), problem)

    def renew(self, url: str, older_than: float) -> None:
        """Fetch it, if it is worth it. Of those who want it at once, one asks and the others wait
        for what it gets."""
        with self._line(url):
            if not self.needs(url, older_than):
                return
            request = Request("GET", url, timeout=TIMEOUT, keep=MAX_BYTES, whole=True)
            outcome = send_now(request, running().outbound_allow)
            if outcome.succeeded:
                self.keep(url, outcome.body)
            else:
                self.keep(url, None, outcome.explanation)

    def _line(self, url: str) -> Lock:
        with self._lock:
            return self._lines.setdefault(url, Lock())


documents = Documents()
"""Those of this process."""
