"""Limit attempts with keys that do not exist, by their source and never by the key.

A limit by key would let a stranger lock out its owner. IPv6 sources are networks of 64 bits: one
host has that many addresses for itself. An address that a tenant reports in a verification is a
source of that tenant alone, and never that of a caller: a tenant can report any address.

Each new guess costs a look-up, and PostgreSQL counts it. So all processes together look up ALLOWED
guesses for each source and minute, and one more for each process that did not know the count yet.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address
from typing import NamedTuple

from portal.outbound.networks import Address

ALLOWED = 30  # unknown keys for each source and minute
WINDOW_SECONDS = 60.0
CAPACITY = 10_000
NOTE = "SELECT failures, seconds_left FROM note_unknown_key(%s)"


class Reported(NamedTuple):
    """An address that a service of this tenant was called from, as it says."""

    tenant_id: str
    address: Address


Source = Address | Reported


class FailedSources:
    """The sources of unknown keys that this process knows. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def note(self, source: Source, seen: tuple[int, float] | None = None) -> None:
        """Count one more unknown key from a source.

        `seen` is the count of all processes in this minute, and the seconds that are left of it.
        """
        name, now = name_of(source), self._clock()
        with self._lock:
            count, ends = self._failures.pop(name, (0, 0.0))
            if ends <= now:
                count, ends = 0, now + WINDOW_SECONDS
            count += 1
            if seen is not None and seen[0] > count:
                count, ends = seen[0], now + seen[1]
            self._failures[name] = (count, ends)
            while len(self._failures) > CAPACITY:
                self._failures.popitem(last=False)

    def wait(self, source: Source | None) -> int:
        """Return the seconds until the source may have a key looked up again; 0 if it may now."""
        found = None if source is None else self._failures.get(name_of(source))
        if found is None or found[0] < ALLOWED:
            return 0
        return max(0, int(found[1] - self._clock() + 0.999))


def reported(tenant_id: str, address: Address | None) -> Reported | None:
    """Return the source for an address that a tenant reports, if it reports one."""
    return None if address is None else Reported(tenant_id, address)


def name_of(source: Source) -> str:
    """Return the network that counts as one source, or a hash for one that a tenant reports."""
    if isinstance(source, Reported):
        # The column is too short for an id and an address.
        name = f"{source.tenant_id} {name_of(source.address)}"
        return blake2b(name.encode(), digest_size=20).hexdigest()
    if isinstance(source, IPv6Address):
        return f"{IPv6Address(int(source) >> 64 << 64)}/64"
    return str(source)
