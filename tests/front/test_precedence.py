"""A call of a line that has computed much lets the calls of other lines go first."""

import asyncio
import time
from collections.abc import Callable
from itertools import count
from threading import Event

import pytest

from portal import keyshape, precedence, strictjson
from portal.events.jsonschema.work import Work
from portal.front.threads import Threads
from portal.front.turns import Line
from portal.precedence import give_way
from tests.front.test_turns import with_threads

NUMBERS = count()


def compute(seconds: float) -> None:
    """Use so much of the processor's time, however long that takes."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


class Long:
    """A call that computes and gives way until it is told to end."""

    def __init__(self) -> None:
        self.rounds = 0
        self.is_under_way, self.ends = Event(), Event()

    def run(self) -> None:
        while not self.ends.is_set():
            give_way()
            compute(0.001)
            self.rounds += 1
            self.is_under_way.set()


def beside_a_long_call(work: Callable[[Long], int], busy_seconds: float) -> int:
    """Run a quiet line's call beside a long one, of a line that has computed for so long."""
    busy, quiet = (Line("192.0.2.1", f"{name} {next(NUMBERS)}") for name in ("busy", "quiet"))
    answer = []

    async def use(threads: Threads) -> None:
        long = Long()
        await threads.run(busy, compute, busy_seconds)
        going = asyncio.create_task(threads.run(busy, long.run))
        while not long.is_under_way.is_set():
            await asyncio.sleep(0.001)
        try:
            answer.append(await threads.run(quiet, work, long))
        finally:
            long.ends.set()
            await going

    with_threads(use)
    return answer[0]


def rounds_meanwhile(long: Long) -> int:
    """Compute for 50 ms, and return how often the long call went round meanwhile."""
    before = long.rounds
    compute(0.05)
    return long.rounds - before


def rounds_in_the_end(long: Long) -> int:
    """Wait until the long call has gone round ten times more."""
    before = long.rounds
    while long.rounds < before + 10:
        time.sleep(0.001)
    return long.rounds - before


def test_a_line_that_has_computed_much_waits_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "PATIENCE_SECONDS", 60)
    assert beside_a_long_call(rounds_meanwhile, busy_seconds=0.2) <= 1


def test_a_line_that_has_computed_little_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "PATIENCE_SECONDS", 60)

    assert beside_a_long_call(rounds_in_the_end, busy_seconds=0.01) >= 10


def test_no_call_waits_for_ever() -> None:
    """What the long call holds may be what the other call needs."""
    assert beside_a_long_call(rounds_in_the_end, busy_seconds=0.2) >= 10


def test_what_a_line_has_computed_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "HALVED_SECONDS", 0)
    calls = precedence.Precedence()
    for name in ("a", "b"):
        calls.begin(name)
        compute(0.002)
        calls.end()
    for _ in range(10):
        calls.begin("c")
        calls.end()
    assert calls._spent.keys() <= {"c"}


@pytest.mark.parametrize(
    "work",
    [
        lambda: strictjson.parse(b"[" + b"1," * 500 + b"1]"),
        lambda: strictjson.parse(b"[" + b"1.5," * 500 + b"1]"),
        lambda: strictjson.parse(b"[" + b"{}," * 500 + b"1]"),
        lambda: strictjson.parse(b"[" + rb'"\u0041",' * 500 + b"1]"),
        lambda: list(keyshape.places([["text"]] * 500, "data")),
        lambda: [Work().spend(1) for _ in range(500)],
    ],
    ids=["numbers", "fractions", "objects", "texts", "keys", "schemas"],
)
def test_what_computes_for_long_gives_way(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]
) -> None:
    asked = []
    monkeypatch.setattr(precedence.calls, "somebody_waits", True)
    monkeypatch.setattr(precedence.calls, "wait", lambda: asked.append(1))
    work()
    assert len(asked) >= 500
