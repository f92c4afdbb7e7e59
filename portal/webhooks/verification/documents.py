"""Fetch and cache public documents that verify signatures: certificates and key sets.

They are fetched through the guard for all outgoing requests, and cached in the memory of one
process.
"""

import time
from collections import OrderedDict
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
MAX_BYTES = 64 * 1024
SHARE, SHARE_OF_FAILURES = 512 * 1024, 64 * 1024
"""Bytes that are kept for a tenant: about a hundred key sets of the usual size."""
ENTRY = 512
"""Bytes that an entry takes beside its document and its URL."""
TENANTS = 200
"""At most 115 MB for all, if each of them fills its share."""
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


class _Share:
    """The URLs of one tenant, with and without a document, the one used longest ago first."""

    def __init__(self) -> None:
        self.documents: OrderedDict[str, int] = OrderedDict()
        self.failures: OrderedDict[str, int] = OrderedDict()

    def take(self, url: str, found: LastFetch) -> list[str]:
        """Add a URL as the last one used, and return the URLs that it displaces."""
        self.failures.pop(url, None)
        # Apart from each other, so that failures, which anybody can cause, displace no document.
        if found.document is None:
            own, most = self.failures, SHARE_OF_FAILURES
        else:
            own, most = self.documents, SHARE
        own[url] = len(found.document or b"") + len(url) + ENTRY
        own.move_to_end(url)
        displaced, weight = [], sum(own.values())
        while weight > most:
            oldest, size = own.popitem(last=False)
            displaced.append(oldest)
            weight -= size
        return displaced

    def has(self, url: str) -> bool:
        """Tell whether the tenant holds this URL."""
        return url in self.documents or url in self.failures


class Documents:
    """A cache: URL → document, or the reason why it could not be fetched.

    All tenants read the same documents, because these are public and the same for everyone. But
    each tenant that uses one holds it in its own share, and it stays while one of them does. So a
    tenant displaces only its own documents.
    """

    def __init__(self) -> None:
        self.clock = time.monotonic
        self._lock = Lock()
        self._kept: dict[str, LastFetch] = {}
        self._shares: OrderedDict[str, _Share] = OrderedDict()
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

    def keep(self, url: str, document: bytes | None, tenant_id: str, problem: str = "") -> None:
        """Store the result of a tenant's fetch. A failed fetch does not replace a cached
        document."""
        with self._lock:
            self._kept[url] = LastFetch(self.clock(), document or self.get(url), problem)
            self._hold(url, tenant_id)

    def hold(self, url: str, tenant_id: str) -> None:
        """Keep what is cached of this URL for the tenant that uses it now."""
        with self._lock:
            if url in self._kept:
                self._hold(url, tenant_id)

    def _hold(self, url: str, tenant_id: str) -> None:
        displaced = self._shares.setdefault(tenant_id, _Share()).take(url, self._kept[url])
        self._shares.move_to_end(tenant_id)
        if len(self._shares) > TENANTS:
            _, share = self._shares.popitem(last=False)
            displaced += [*share.documents, *share.failures]
        for one in displaced:
            if not any(share.has(one) for share in self._shares.values()):
                self._kept.pop(one, None)

    def renew(self, url: str, older_than: float, tenant_id: str) -> None:
        """Fetch the document for a tenant if `needs` says so. Of several concurrent callers one
        fetches it, and the others wait for its result. Raises RateLimited if too many wait."""
        self.hold(url, tenant_id)
        if not self.needs(url, older_than):
            return
        with turn(tenant_id, PATIENCE), self._line(url):
            if not self.needs(url, older_than):
                self.hold(url, tenant_id)
                return
            request = Request("GET", url, timeout=TIMEOUT, keep=MAX_BYTES, whole=True)
            outcome = send_now(request, running().outbound_allow)
            if outcome.succeeded:
                self.keep(url, outcome.body, tenant_id)
            else:
                self.keep(url, None, tenant_id, outcome.explanation)

    def _line(self, url: str) -> Lock:
        with self._lock:
            return self._lines.setdefault(url, Lock())


documents = Documents()
"""The cache of this process."""
