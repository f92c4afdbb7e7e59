"""What this process was lent of keys' minutes: spent in memory, counted when it was lent.

A slice grows with demand and dies with its minute, so a process that needs little holds little.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

CAPACITY = 20_000
LARGEST_REQUESTS = 1_000
LARGEST_TOKENS = 1_000_000


@dataclass(slots=True)
class Lease:
    """One key's slice of one minute, the `bucket`. `ends` is by the process's monotonic clock."""

    ends: float
    bucket: int
    requests: int = 0
    tokens: int = 0
    requests_lent: int = 0
    tokens_lent: int = 0
    requests_used: int = 0
    tokens_used: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken from a slice, to be given back if the call is refused after all."""

    requests: bool
    tokens: bool
    lease: Lease | None


class Leases:
    """Key id → its lease. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Lease] = OrderedDict()

    def take(self, key_id: str, requests: int, tokens: int) -> Taken:
        """Take each of the two for which enough is left; what is not needed counts as taken."""
        with self._lock:
            lease = self._running(key_id)
            if lease is None:
                return Taken(requests == 0, tokens == 0, None)
            took_requests = lease.requests >= requests
            took_tokens = lease.tokens >= tokens
            lease.requests -= requests if took_requests else 0
            lease.tokens -= tokens if took_tokens else 0
            return Taken(took_requests, took_tokens, lease)

    def give_back(self, taken: Taken, requests: int, tokens: int) -> None:
        """Undo a `take`; nothing if the minute is over."""
        if taken.lease is not None:
            with self._lock:
                taken.lease.requests += requests if taken.requests else 0
                taken.lease.tokens += tokens if taken.tokens else 0

    def wanted(self, key_id: str, tokens: int) -> tuple[int, int]:
        """How much to ask for next: twice what was lent last in this minute."""
        with self._lock:
            lease = self._running(key_id)
            if lease is None:
                return 1, tokens
            return (
                min(LARGEST_REQUESTS, max(1, 2 * lease.requests_lent)),
                min(LARGEST_TOKENS, max(tokens, 2 * lease.tokens_lent)),
            )

    def lend(
        self,
        key_id: str,
        minute: tuple[int, float],
        lent: tuple[int, int],
        needed: tuple[int, int],
        used: tuple[int, int],
    ) -> Lease:
        """Add what the database lent of a minute (its number, its end), less what the call needed
        of it; both, and `used`, are (requests, tokens). `used` is what the database has counted,
        this slice included."""
        bucket, ends = minute
        with self._lock:
            lease = self._running(key_id)
            if lease is None or lease.bucket != bucket:
                lease = Lease(ends, bucket)
                self._held[key_id] = lease
                while len(self._held) > CAPACITY:
                    self._held.popitem(last=False)
            requests, tokens = lent
            if requests:
                lease.requests += requests - needed[0]
                lease.requests_lent = requests
            if tokens:
                lease.tokens += tokens - needed[1]
                lease.tokens_lent = tokens
            lease.requests_used, lease.tokens_used = used
            return lease

    def held(self, key_id: str) -> Lease | None:
        """The lease of the running minute."""
        with self._lock:
            return self._running(key_id)

    def _running(self, key_id: str) -> Lease | None:
        lease = self._held.get(key_id)
        if lease is None:
            return None
        if lease.ends <= self.clock():
            del self._held[key_id]
            return None
        self._held.move_to_end(key_id)
        return lease
