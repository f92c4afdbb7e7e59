"""The state of the secret store is asked for once for many pages, and delays none of them."""

from collections.abc import Callable
from threading import Event
from time import monotonic, sleep

import pytest

from portal.secretstore import StoreHealth, StoreState, recent_health
from portal.secretstore.recent_health import FRESH_SECONDS, STALE_SECONDS, RecentHealth

OK = StoreHealth(StoreState.OK, "Open.")
AWAY = StoreHealth(StoreState.UNAVAILABLE, "Away.")


class Store:
    """A store whose state a test chooses, and which answers only while `answers` is set."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked = 0
        self.state = OK
        self.answers = Event()
        self.answers.set()
        self.recent = RecentHealth(self.health, clock=lambda: self.now)

    def health(self) -> StoreHealth:
        self.asked += 1
        self.answers.wait(60)
        return self.state

    def settle(self, is_so: Callable[[], bool]) -> None:
        until = monotonic() + 30
        while not is_so() and monotonic() < until:
            sleep(0.005)
        assert is_so()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(recent_health, "PATIENCE_SECONDS", 30)  # as good as for ever
    return Store()


def test_many_pages_ask_once(store: Store) -> None:
    assert [store.recent.get() for _ in range(50)] == [OK] * 50
    assert store.asked == 1


def test_after_some_seconds_it_is_asked_again_and_no_page_waits(store: Store) -> None:
    store.recent.get()
    store.state = AWAY
    store.answers.clear()
    store.now += FRESH_SECONDS
    started = monotonic()
    assert [store.recent.get() for _ in range(20)] == [OK] * 20
    assert monotonic() - started < recent_health.PATIENCE_SECONDS
    store.answers.set()
    store.settle(lambda: store.recent.get() is AWAY)
    assert store.asked == 2


def test_a_store_that_hangs_holds_the_first_page_for_a_moment_and_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_health, "PATIENCE_SECONDS", 0.1)
    store.answers.clear()
    assert store.recent.get().state is StoreState.UNAVAILABLE
    assert "within a second" in store.recent.get().sentence
    assert store.asked == 1
    store.answers.set()
    store.settle(lambda: store.recent.get() is OK)


def test_what_is_long_ago_is_not_believed(store: Store) -> None:
    store.recent.get()
    store.state = AWAY
    store.now += STALE_SECONDS
    assert store.recent.get() is AWAY
