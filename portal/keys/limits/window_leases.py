"""Leases: requests and tokens that are lent to this process and used from memory.

PostgreSQL counts them when it lends them. A lease grows with demand and ends with the slot that it
is counted in (see admit_calls), so a process that needs little holds little. The unused part goes
back.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from portal.core.deadlines import elapsed

CAPACITY = 20_000
PERIOD_SECONDS = 10.0  # for which requests and tokens are wanted
LEAST_SECONDS = 1.0  # a shorter use says little about a whole period
LARGEST_REQUESTS = 50_000
LARGEST_TOKENS = 50_000_000

Lender = tuple[int, datetime] | tuple[()]
"""A process of PostgreSQL: its pid, and when it began."""


@dataclass(slots=True, eq=False)
class Lease:
    """The requests and tokens that one key may still use until `ends`, counted in `slot`.

    `began` and `ends` are times of the clock of Leases. `lender` is the process of PostgreSQL that
    lent them.
    """

    tenant_id: str
    ends: float
    slot: int
    requests: int = 0
    tokens: int = 0
    requests_lent: int = 0
    tokens_lent: int = 0
    requests_used: int = 0
    tokens_used: int = 0
    lender: Lender = ()
    began: float = 0.0
    is_over: bool = False

    def demand(self, now: float) -> "Demand":
        """Return what was used of it, as for a whole period."""
        periods = max(LEAST_SECONDS, min(now, self.ends) - self.began) / PERIOD_SECONDS
        return Demand(
            (self.requests_lent - self.requests) / periods,
            (self.tokens_lent - self.tokens) / periods,
        )

    def unused(self, key_id: str, requests: int, tokens: int) -> "Unused":
        """Return these requests and tokens of it, to be given back."""
        return Unused(self.tenant_id, key_id, self.slot, requests, tokens, self.lender)


class Taken(NamedTuple):
    """Hold what a call took from a lease, to give it back if the call is refused after all."""

    requests: bool
    tokens: bool
    lease: Lease | None


class Unused(NamedTuple):
    """The part of a lease that was not used when it ended."""

    tenant_id: str
    key_id: str
    slot: int
    requests: int
    tokens: int
    lender: Lender


class Demand(NamedTuple):
    """The requests and tokens that a key used of a lease, as for a whole period."""

    requests: float = 0
    tokens: float = 0


class Leases:
    """The leases of this process, by key id. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = elapsed) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, Lease] = OrderedDict()
        self._demands: OrderedDict[str, Demand] = OrderedDict()
        self._unused: list[Unused] = []

    def take(self, key_id: str, requests: int, tokens: int) -> Taken:
        """Take the requests and the tokens, each if enough is left. An amount of 0 counts as
        taken."""
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
                self._unused.append(lease.unused(key_id, requests, tokens))

    def wanted(self, key_id: str, requests: int, tokens: int) -> tuple[int, int]:
        """Return the requests and tokens to request for a period: twice the latest use, or what
        this call needs."""
        with self._lock:
            lease, before = self._running(key_id), self._demands.get(key_id, _NO_DEMAND)
            now = lease.demand(self.clock()) if lease else _NO_DEMAND
            return (
                min(LARGEST_REQUESTS, max(requests, int(2 * max(now.requests, before.requests)))),
                min(LARGEST_TOKENS, max(tokens, int(2 * max(now.tokens, before.tokens)))),
            )

    def lend(self, key_id: str, lease: Lease, needed: tuple[int, int]) -> Lease:
        """Store the lease that was lent, less the requests and tokens that the call needed of it.

        A lease for the same slot, of the same lender, is added to the one in use; another lease
        replaces it.
        """
        with self._lock:
            held = self._running(key_id)
            lease.requests -= needed[0]
            lease.tokens -= needed[1]
            if held and (held.slot, held.lender) == (lease.slot, lease.lender):
                held.requests += lease.requests
                held.tokens += lease.tokens
                held.requests_lent += lease.requests_lent
                held.tokens_lent += lease.tokens_lent
                held.requests_used, held.tokens_used = lease.requests_used, lease.tokens_used
                held.ends = min(held.ends, lease.ends)
                return held
            if held is not None:
                self._end(key_id, held)
            lease.began = self.clock()
            self._held[key_id] = lease
            while len(self._held) > CAPACITY:
                self._end(*next(iter(self._held.items())))
            return lease

    def held(self, key_id: str) -> Lease | None:
        """Return the key's running lease, or None."""
        with self._lock:
            return self._running(key_id)

    def end(self, key_ids: Iterable[str]) -> None:
        """End the leases of these keys, because the keys changed."""
        with self._lock:
            for key_id in key_ids:
                if lease := self._held.get(key_id):
                    self._end(key_id, lease)

    def end_all(self) -> None:
        """End all leases."""
        self.end(list(self._held))

    def ended(self) -> list[Unused]:
        """Return the unused parts of the leases that have ended, each of them once."""
        with self._lock:
            now = self.clock()
            for key_id in [key_id for key_id, lease in self._held.items() if lease.ends <= now]:
                self._end(key_id, self._held[key_id])
            unused, self._unused = self._unused, []
            return unused

    def not_returned(self, unused: Iterable[Unused]) -> None:
        """Store these for the next attempt: they could not be given back."""
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
        self._demands[key_id] = lease.demand(self.clock())
        self._demands.move_to_end(key_id)
        while len(self._demands) > CAPACITY:
            self._demands.popitem(last=False)
        if lease.requests or lease.tokens:
            self._unused.append(lease.unused(key_id, lease.requests, lease.tokens))


_NO_DEMAND = Demand()
