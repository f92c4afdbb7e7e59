"""Cache the snapshots of keys by hash. The cache is bounded and never stale.

An entry is deleted by name when a record that it depends on changes. Only entries for unknown keys
expire by time. A look-up that began before a change does not store its result after it.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from portal.keys.decision.snapshot import Snapshot

CAPACITY = 20_000  # snapshots, about 1.5 KB each
UNKNOWN_CAPACITY = 10_000
UNKNOWN_SECONDS = 30.0
RECENT_EVICTIONS = 10_000

Load = Callable[[str], Snapshot | None]


class Cache:
    """Hash → snapshot. Safe to share between threads.

    It stores nothing until `open` is called.
    """

    def __init__(
        self, capacity: int = CAPACITY, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._capacity = capacity
        self._clock = clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Snapshot] = OrderedDict()
        self._by_record: dict[str, set[str]] = {}
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self._evicted: OrderedDict[str, int] = OrderedDict()
        self._generation = 0
        self._flushed_at = 0
        self._open = False

    def open(self) -> None:
        """Store results from now on, because changes are received."""
        with self._lock:
            self._forget_all()
            self._open = True

    def close(self) -> None:
        """Delete everything and store nothing, because changes are no longer received."""
        with self._lock:
            self._open = False
            self._forget_all()

    def flush(self) -> None:
        """Delete everything. Look-ups that are under way do not store their results either."""
        with self._lock:
            self._forget_all()

    @property
    def is_open(self) -> bool:
        """Tell whether results are stored."""
        return self._open

    def __len__(self) -> int:
        return len(self._known)

    def peek(self, digest: str) -> Snapshot | None:
        """Return the snapshot of a hash if it is cached, otherwise None."""
        with self._lock:
            found = self._known.get(digest)
            if found is not None:
                self._known.move_to_end(digest)
            return found

    def is_unknown(self, digest: str) -> bool:
        """Tell whether the cache knows that no key has this hash."""
        until = self._unknown.get(digest)
        return until is not None and self._clock() < until

    def get(self, digest: str, load: Load) -> Snapshot | None:
        """Return the snapshot of a hash, from the cache or from `load`.

        What was changed while it was loaded is loaded once more: the key may have been stopped.
        """
        found = self.peek(digest)
        if found is not None:
            return found
        if self.is_unknown(digest):
            return None
        found, is_overtaken = self._loaded(digest, load)
        if is_overtaken:
            found, _ = self._loaded(digest, load)
        return found

    def evict(self, names: Iterable[str]) -> None:
        """Delete the entries that depend on these names: ids of records, and hashes of new keys."""
        with self._lock:
            self._generation += 1
            for name in names:
                for digest in self._by_record.pop(name, ()):
                    self._drop(digest)
                self._unknown.pop(name, None)
                self._evicted[name] = self._generation
                self._evicted.move_to_end(name)
            while len(self._evicted) > RECENT_EVICTIONS:
                # A look-up that began before this forgotten change may not store its result.
                _, self._flushed_at = self._evicted.popitem(last=False)

    def _loaded(self, digest: str, load: Load) -> tuple[Snapshot | None, bool]:
        """Return what `load` returns, and whether a change came meanwhile. If not, store it."""
        begun = self._generation
        found = load(digest)
        names = (digest,) if found is None else found.depends_on
        with self._lock:
            changed = max(self._evicted.get(name, 0) for name in names)
            is_overtaken = self._open and begun < max(changed, self._flushed_at)
            if self._open and not is_overtaken:
                self._remember(digest, found, names)
        return found, is_overtaken

    def _remember(self, digest: str, found: Snapshot | None, names: Iterable[str]) -> None:
        if found is None:
            self._unknown[digest] = self._clock() + UNKNOWN_SECONDS
            while len(self._unknown) > UNKNOWN_CAPACITY:
                self._unknown.popitem(last=False)
            return
        self._known[digest] = found
        for name in names:
            self._by_record.setdefault(name, set()).add(digest)
        while len(self._known) > self._capacity:
            self._drop(next(iter(self._known)))

    def _drop(self, digest: str) -> None:
        found = self._known.pop(digest, None)
        for name in () if found is None else found.depends_on:
            if others := self._by_record.get(name):
                others.discard(digest)
                if not others:
                    del self._by_record[name]

    def _forget_all(self) -> None:
        self._known.clear()
        self._by_record.clear()
        self._unknown.clear()
        self._evicted.clear()
        self._generation += 1
        self._flushed_at = self._generation
