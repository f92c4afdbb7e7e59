"""Public documents that signatures are checked with: certificates and key sets, fetched once.

They come through the guard for everything outgoing, and are kept in the memory of one process.
"""

import time
from collections.abc import Callable
from threading import Lock

from portal.config import running
from portal.outbound import Request, send_now

FRESH, FAILED = 3600.0, 30.0
MOST = 200
MAX_BYTES = 64 * 1024
TIMEOUT = 5.0

Look = Callable[[str], bytes | None]


class Documents:
    """URL → document, or that it could not be had a moment ago."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, tuple[float, bytes | None]] = {}

    def get(self, url: str) -> bytes | None:
        """The document, if it is here."""
        return self._kept.get(url, (0.0, None))[1]

    def needs(self, url: str, older_than: float = FRESH) -> bool:
        """Whether it is worth fetching: not here, or so many seconds old."""
        at, document = self._kept.get(url, (float("-inf"), None))
        return time.monotonic() - at > (older_than if document is not None else FAILED)

    def keep(self, url: str, document: bytes | None) -> None:
        """Remember it; that it could not be had does not replace what is here."""
        with self._lock:
            if len(self._kept) >= MOST:
                self._kept.clear()
            self._kept[url] = (time.monotonic(), document or self.get(url))

    def fetch(self, url: str) -> bytes | None:
        """Get it now, and keep it. None when it cannot be had."""
        request = Request("GET", url, timeout=TIMEOUT, keep=MAX_BYTES, whole=True)
        outcome = send_now(request, running().outbound_allow)
        self.keep(url, outcome.body if outcome.succeeded else None)
        return self.get(url)


documents = Documents()
"""Those of this process."""
