"""Fetch and cache public documents that verify signatures: certificates and key sets.

They are fetched through the guard for all outgoing requests, and cached in the memory of one
process.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from weakref import WeakValueDictionary

from portal.core.config import running
from portal.outbound import Request, send_now, turn

FRESH, FAILED = 3600.0, 30.0
BY_HAND = 5.0
"""Maximum age in seconds if a person starts the verification again, also of a whole quarantine: the
person must see the current state."""
MOST = 200
MAX_BYTES = 64 * 1024
TIMEOUT = 5.0
PATIENCE = 0.5
"""Seconds that a caller waits for the fetches of others: of most sources all get a turn."""

Look = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class LastFetch:
    """The last attempt to fetch a document: its time, the document, and why the fetch failed."""

    at: float = float("-inf")
    document: bytes | None = None
    problem: str = "It was not asked for yet."


NEVER = LastFetch()


class Documents:
    """A cache: URL → document, or the reason why it could not be fetched."""

    def __init__(self) -> None:
        self.clock = time.monotonic
        self._lock = Lock()
        self._kept: dict[str, LastFetch] = {}
        self._lines: WeakValueDictionary[str, Lock] = WeakValueDictionary()

    def get(self, url: str) -> bytes | None:
        """Return the cached document, None if there is none."""
        return self._kept.get(url, NEVER).document

    def problem(self, url: str) -> str:
        """Return why the last fetch failed; empty if it succeeded."""
        return self._kept.get(url, NEVER).problem

    def needs(self, url: str, older_than: float = FRESH) -> bool:
        """Tell whether to fetch it: it is older than `older_than` seconds, or failed more than
        FAILED seconds ago."""
        asked = self._kept.get(url, NEVER)
        patience = min(older_than, FAILED) if asked.problem else older_than
        return self.clock() - asked.at > patience

    def keep(self, url: str, document: bytes | None, problem: str = "") -> None:
        """Store the result of a fetch. A failed fetch does not replace a cached document."""
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = LastFetch(self.clock(), document or self.get(url), problem)

    def renew(self, url: str, older_than: float, tenant_id: str) -> None:
        """Fetch the document for a tenant if `needs` says so. Of several concurrent callers one
        fetches it, and the others wait for its result. Raises RateLimited if too many wait."""
        if not self.needs(url, older_than):
            return
        with turn(tenant_id, PATIENCE), self._line(url):
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
"""The cache of this process."""
