"""Requests and tokens that this process was lent: used from memory, counted when they were lent.

A lease grows with demand and ends with its slot (two seconds; see admit_calls), so a process that
needs little holds little. What nobody used goes back.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from portal.core.deadlines import elapsed

CAPACITY = 20_000
LARGEST_REQUESTS = 10_000
LARGEST_TOKENS = 10_000_000


@dataclass(slots=True, eq=False)
class Lease:
    """What one key may still use until `ends` (of the leases' clock), counted in `slot`."""

    tenant_id: str
    ends: float
    slot: int
    requests: int = 0
    tokens: int = 0
    requests_lent: int = 0
    tokens_lent: int = 0
    requests_used: int = 0
    tokens_used: int = 0
    is_over: bool = False


class Taken(NamedTuple):
    """What was taken from a lease, to be given back if the call is refused after all."""

    requests: bool
    tokens: bool
    lease: Lease | None


class Unused(NamedTuple):
    """What of a lease was not used when it ended."""

    tenant_id: str
    key_id: str
    slot: int
    requests: int
    tokens: int


@dataclass(slots=True)
class Demand:
    """How much of a key's last lease was used: what the next one is asked by."""

    requests: int = 0
    tokens: int = 0


class Leases:
    """Key id → its lease. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Lease] = OrderedDict()
        self._demands: OrderedDict[str, Demand] = OrderedDict()
        self._unused: list[Unused] = []

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

    def give_back(self, key_id: str, taken: Taken, requests: int, tokens: int) -> None:
        """Undo a `take`."""
        lease = taken.lease
        if lease is None:
            return
        requests, tokens = requests * taken.requests, tokens * taken.tokens
        with self._lock:
            lease.requests += requests
            lease.tokens += tokens
            if lease.is_over and (requests or tokens):
                self._unused.append(Unused(lease.tenant_id, key_id, lease.slot, requests, tokens))

    def wanted(self, key_id: str, requests: int, tokens: int) -> tuple[int, int]:
        """Return how much to ask for: twice what was used lately, and what this call needs."""
        with self._lock:
            lease, demand = self._running(key_id), self._demands.get(key_id, _NO_DEMAND)
            used = (
                (lease.requests_lent - lease.requests, lease.tokens_lent - lease.tokens)
                if lease
                else (0, 0)
            )
            return (
                min(LARGEST_REQUESTS, max(requests, 2 * max(used[0], demand.requests))),
                min(LARGEST_TOKENS, max(tokens, 2 * max(used[1], demand.tokens))),
            )

    def lend(self, key_id: str, lease: Lease, needed: tuple[int, int]) -> Lease:
        """Hold what the database lent, less the requests and tokens that the call needed of it.

        What is held of the same slot is added to it; what is held of another has ended.
        """
        with self._lock:
            held = self._running(key_id)
            lease.requests -= needed[0]
            lease.tokens -= needed[1]
            if held is not None and held.slot == lease.slot:
                held.requests += lease.requests
                held.tokens += lease.tokens
                held.requests_lent += lease.requests_lent
                held.tokens_lent += lease.tokens_lent
                held.requests_used, held.tokens_used = lease.requests_used, lease.tokens_used
                held.ends = min(held.ends, lease.ends)
                return held
            if held is not None:
                self._end(key_id, held)
            self._held[key_id] = lease
            while len(self._held) > CAPACITY:
                self._end(*next(iter(self._held.items())))
            return lease

    def held(self, key_id: str) -> Lease | None:
        """Return the lease that runs."""
        with self._lock:
            return self._running(key_id)

    def end(self, key_ids: Iterable[str]) -> None:
        """Hold nothing of these keys any more: they changed."""
        with self._lock:
            for key_id in key_ids:
                if lease := self._held.get(key_id):
                    self._end(key_id, lease)

    def end_all(self) -> None:
        """Hold nothing any more."""
        self.end(list(self._held))

    def ended(self) -> list[Unused]:
        """Return what was not used of leases that are over, told once."""
        with self._lock:
            now = self.clock()
            for key_id in [key_id for key_id, lease in self._held.items() if lease.ends <= now]:
                self._end(key_id, self._held[key_id])
            told, self._unused = self._unused, []
            return told

    def not_returned(self, unused: Iterable[Unused]) -> None:
        """Tell these again: they could not be given back."""
        with self._lock:
            self._unused.extend(unused)

    def _running(self, key_id: str) -> Lease | None:
        lease = self._held.get(key_id)
        if lease is None:
            return None
        if lease.ends <= self.clock():
            self._end(key_id, lease)
            return None
        return lease

    def _end(self, key_id: str, lease: Lease) -> None:
        del self._held[key_id]
        lease.is_over = True
        self._demands[key_id] = Demand(
            lease.requests_lent - lease.requests, lease.tokens_lent - lease.tokens
        )
        self._demands.move_to_end(key_id)
        while len(self._demands) > CAPACITY:
            self._demands.popitem(last=False)
        if lease.requests or lease.tokens:
            self._unused.append(
                Unused(lease.tenant_id, key_id, lease.slot, lease.requests, lease.tokens)
            )


_NO_DEMAND = Demand()
