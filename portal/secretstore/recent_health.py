"""Remember the state of a secret store for some seconds, so that no page waits for it."""

import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from portal.secretstore import StoreHealth, StoreState

FRESH_SECONDS = 5.0
STALE_SECONDS = 60.0
"""Until then an older state is returned at once, while a thread asks for the new one."""

PATIENCE_SECONDS = 1.0
"""The longest wait of a page when nothing recent is known."""

SLOW = StoreHealth(
    StoreState.UNAVAILABLE,
    "The secret store has not answered within a second. Check PORTAL_VAULT_ADDR and the server.",
)


class RecentHealth:
    """Ask a store for its state in a thread of its own, one question at a time. Thread-safe."""

    def __init__(
        self, ask: Callable[[], StoreHealth], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = Lock()
        self._known: StoreHealth | None = None
        self._asked_at = 0.0
        self._asking: Event | None = None

    def get(self) -> StoreHealth:
        """Return the state as it was a few seconds ago, or within a second."""
        with self._lock:
            age = self._clock() - self._asked_at
            known = self._known if age < STALE_SECONDS else None
            if known and age < FRESH_SECONDS:
                return known
            answered = self._asking or self._begin()
        if known:
            return known
        answered.wait(PATIENCE_SECONDS)
        with self._lock:
            is_new = self._known and self._clock() - self._asked_at < STALE_SECONDS
            return self._known if self._known and is_new else SLOW

    def _begin(self) -> Event:
        self._asking = answered = Event()
        Thread(target=self._ask_now, args=(answered,), name="secret store", daemon=True).start()
        return answered

    def _ask_now(self, answered: Event) -> None:
        health = SLOW  # if the question fails in a way that nobody foresaw
        try:
            health = self._ask()
        finally:
            with self._lock:
                self._known, self._asked_at, self._asking = health, self._clock(), None
            answered.set()
