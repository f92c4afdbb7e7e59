"""What a process remembers of keys: snapshots by hash, bounded, never stale.

An entry is thrown away by name when what it depends on changes; nothing expires by time but the
memory of what does not exist. A look-up that was begun before a change does not remember its
answer after it.
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
    """Hash → snapshot. Safe to share between threads; begins closed (see `open`)."""

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
        """Remember from now on: somebody listens for changes."""
        with self._lock:
            self._forget_all()
            self._open = True

    def close(self) -> None:
        """Forget everything and remember nothing: changes are not heard of any more."""
        with self._lock:
            self._open = False
            self._forget_all()

    def flush(self) -> None:
        """Forget everything; what is being looked up at this moment too."""
        with self._lock:
            self._forget_all()

    @property
    def is_open(self) -> bool:
        """Tell whether answers are remembered."""
        return self._open

    def __len__(self) -> int:
        return len(self._known)

    def peek(self, digest: str) -> Snapshot | None:
        """Return the snapshot of a hash, if it is remembered."""
        with self._lock:
            found = self._known.get(digest)
            if found is not None:
                self._known.move_to_end(digest)
            return found

    def is_unknown(self, digest: str) -> bool:
        """Tell whether it is remembered that there is no such key."""
        until = self._unknown.get(digest)
        return until is not None and self._clock() < until

    def get(self, digest: str, load: Load) -> Snapshot | None:
        """Return the snapshot of a hash, remembered or asked for with `load`."""
        found = self.peek(digest)
        if found is not None:
            return found
        if self.is_unknown(digest):
            return None
        begun = self._generation
        found = load(digest)
        if self._open:
            with self._lock:
                self._remember(digest, found, begun)
        return found

    def evict(self, names: Iterable[str]) -> None:
        """Forget what depends on these: ids of records, and hashes of new keys."""
        with self._lock:
            self._generation += 1
            for name in names:
                for digest in self._by_record.pop(name, ()):
                    self._drop(digest)
                self._unknown.pop(name, None)
                self._evicted[name] = self._generation
                self._evicted.move_to_end(name)
            while len(self._evicted) > RECENT_EVICTIONS:
                # Whoever began before this one is forgotten may not remember any more.
                _, self._flushed_at = self._evicted.popitem(last=False)

    def _remember(self, digest: str, found: Snapshot | None, begun: int) -> None:
        names = (digest,) if found is None else found.depends_on
        changed = max(self._evicted.get(name, 0) for name in names)
        if not self._open or begun < max(changed, self._flushed_at):
            return
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
