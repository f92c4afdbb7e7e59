"""One thread answers what can be answered at once, and the others rest until they are called."""

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

import pytest

from portal import lane
from portal.lane import Lane
from tests.keys.waiting import until


class Server:
    """Threads that take requests out of one queue, as granian's do, and what became of them.

    A request is a name; what is slow, and what one has to wait for, is told by name.
    """

    def __init__(self, threads: int) -> None:
        self.slow: set[str] = set()
        self.body_of: dict[str, threading.Event] = {}
        self.answered: list[tuple[str, str, int]] = []  # name, how, thread
        self.lane = Lane(lambda environ: environ["quick"], self._at_once, self._in_time)
        self._queue = SimpleQueue[dict[str, Any] | None]()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def ask(self, name: str, quick: bool = True) -> None:
        self._queue.put({"quick": quick, "name": name})

    def ask_without_body(self, name: str) -> Callable[[], None]:
        """A request whose body comes when the answer is called."""
        self.body_of[name] = threading.Event()
        self.ask(name)
        return self.body_of[name].set

    def stop(self) -> None:
        """End every thread, also those that rest."""
        for event in self.body_of.values():
            event.set()
        for _ in self._threads:
            self._queue.put(None)

        def none_is_left() -> bool:
            self.lane._call_after(None)
            return not any(thread.is_alive() for thread in self._threads)

        until(none_is_left, 20)

    @property
    def names(self) -> list[str]:
        return [name for name, _, _ in self.answered]

    def how(self, name: str) -> tuple[str, int]:
        """How a request was answered, and in which thread."""
        return next((how, thread) for known, how, thread in self.answered if known == name)

    def handed_over(self, *names: str) -> bool:
        return [environ["name"] for _, environ in self.lane._handed] == list(names)

    def _run(self) -> None:
        while environ := self._queue.get():
            self.lane.take(None, environ)

    def _wait_for_body(self, name: str) -> None:
        if name in self.body_of:
            assert self.body_of[name].wait(20)

    def _at_once(self, end: None, environ: dict[str, Any]) -> bool:
        name = environ["name"]
        self._wait_for_body(name)
        if name not in self.slow:
            self.answered.append((name, "at once", threading.get_ident()))
        return name not in self.slow

    def _in_time(self, end: None, environ: dict[str, Any]) -> None:
        self._wait_for_body(f"{environ['name']} in time")
        self.answered.append((environ["name"], "in time", threading.get_ident()))


@pytest.fixture
def server():
    server = Server(3)
    yield server
    server.stop()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PATIENCE", 0.02)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "PATIENCE", 60)


def test_who_leads_answers_what_the_others_were_asked_in_the_order_of_arrival(patient, server):
    body_comes = server.ask_without_body("first")
    until(lambda: server.lane._leader is not None)
    server.ask("second")
    until(lambda: server.handed_over("second"))
    server.ask("third")
    until(lambda: server.handed_over("second", "third"))
    assert server.answered == []
    body_comes()
    until(lambda: len(server.answered) == 3)
    assert server.names == ["first", "second", "third"]
    assert len({thread for _, _, thread in server.answered}) == 1
    server.ask("fourth")
    until(lambda: len(server.answered) == 4)
    assert server.how("fourth") == server.how("first"), "the others still rest"


def test_what_takes_time_keeps_nobody_waiting(patient, server):
    body_comes = server.ask_without_body("slow")
    server.slow.add("slow")
    result_comes = server.body_of["slow in time"] = threading.Event()
    until(lambda: server.lane._leader is not None)
    server.ask("quick")
    until(lambda: server.handed_over("quick"))
    body_comes()
    until(lambda: server.names == ["quick"])
    server.ask("another")
    until(lambda: server.names == ["quick", "another"])
    result_comes.set()
    until(lambda: server.names == ["quick", "another", "slow"])
    assert server.how("slow")[0] == "in time"


def test_what_is_no_concern_of_the_lane_is_never_handed_over(patient, server):
    body_comes = server.ask_without_body("first")
    until(lambda: server.lane._leader is not None)
    server.ask("page", quick=False)
    until(lambda: server.names == ["page"])
    body_comes()
    until(lambda: server.names == ["page", "first"])


def test_a_page_calls_a_resting_thread_to_be_there_for_the_next_request(patient, server):
    body_comes = server.ask_without_body("first")
    until(lambda: server.lane._leader is not None)
    for number in range(2):  # the others rest now
        server.ask(f"handed {number}")
        until(lambda number=number: len(server.lane._resting) == number + 1)
    body_comes()
    until(lambda: len(server.answered) == 3)
    result_comes = server.body_of["page in time"] = threading.Event()
    server.ask("page", quick=False)
    server.ask("next")
    until(lambda: "next" in server.names)
    assert "page" not in server.names
    result_comes.set()
    until(lambda: "page" in server.names)


def test_a_leader_that_does_not_get_on_is_passed_and_answers_later(impatient, server):
    body_comes = server.ask_without_body("stuck")
    until(lambda: server.lane._leader is not None)
    server.ask("second")
    until(lambda: server.names == ["second"])
    server.ask("third")
    until(lambda: server.names == ["second", "third"])
    body_comes()
    until(lambda: server.names == ["second", "third", "stuck"])
    assert server.how("stuck")[0] == "at once"
    assert server.how("stuck")[1] != server.how("second")[1]


def test_whatever_comes_is_answered_once(monkeypatch):
    monkeypatch.setattr(lane, "PATIENCE", 0.0005)  # also whoever only lost the processor is passed
    server = Server(9)
    names = [str(number) for number in range(10_000)]
    server.slow = set(names[::17])
    for number, name in enumerate(names):
        server.ask(name, quick=number % 11 > 0)
    until(lambda: len(server.answered) >= len(names), 30)
    server.stop()
    assert sorted(server.names, key=int) == names
    assert not server.lane._handed
