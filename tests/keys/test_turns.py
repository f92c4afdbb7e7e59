"""Threads that only compute go one after the other, in the order in which they came."""

from collections.abc import Callable
from threading import Event, Thread

import pytest

from portal.keys.turns import Turns
from portal.keys.wire import Wire
from tests.databases import Database
from tests.keys.waiting import until


def begun(work: Callable[[], None]) -> Thread:
    thread = Thread(target=work, daemon=True)
    thread.start()
    return thread


def queue(turns: Turns, done: list[str], name: str) -> Thread:
    """A thread that waits for its turn, and says when it has had it."""

    def work() -> None:
        with turns:
            done.append(name)

    before = len(turns)
    thread = begun(work)
    until(lambda: len(turns) == before + 1)
    return thread


def test_whoever_came_first_goes_first():
    turns, done = Turns(), list[str]()
    with turns:
        threads = [queue(turns, done, name) for name in "abcdefgh"]
        assert done == []
    for thread in threads:
        thread.join(5)
    assert done == list("abcdefgh")


def test_who_waits_for_something_lets_the_others_go_on():
    turns, done = Turns(), list[str]()
    with turns:
        thread = queue(turns, done, "other")
        with turns.let_others():
            thread.join(5)
            assert done == ["other"]
        after = queue(turns, done, "after")
        assert done == ["other"]  # it is our turn again
    after.join(5)
    assert done == ["other", "after"]


def test_a_thread_whose_turn_it_is_not_takes_none_away():
    turns, done, asked = Turns(), list[str](), Event()

    def outsider() -> None:
        with turns.let_others():
            asked.set()

    with turns:
        waiting = queue(turns, done, "waiting")
        begun(outsider)
        assert asked.wait(5)
        assert done == []
    waiting.join(5)
    assert done == ["waiting"]


def test_an_error_passes_the_turn_on():
    turns, done = Turns(), list[str]()

    def failing() -> None:
        with turns:
            queue(turns, done, "waiting")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    until(lambda: done == ["waiting"])


def test_who_asks_the_database_lets_the_others_go_on(database: Database):
    wire, done = Wire(database.app_url), list[str]()
    with wire.turns:
        queue(wire.turns, done, "other")
        assert wire.one("SELECT 1", ()) == (1,)
        assert done == ["other"]
    wire.close()
