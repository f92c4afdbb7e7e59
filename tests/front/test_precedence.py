"""Test that a call of a line that has computed a lot lets the calls of other lines run first."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Thread, get_ident

import pytest

from portal.core import key_shape
from portal.core.threads import precedence
from portal.core.threads.precedence import give_way
from portal.events import settings
from portal.events.jsonschema.work_budget import Work
from portal.front.fair_queue import Line
from portal.front.threads import Threads
from portal.rest import strict_json
from tests.front.test_turns import with_threads

NUMBERS = count()


def compute(seconds: float) -> None:
    """Use so many seconds of processor time, however long that takes."""
    ends = time.thread_time() + seconds
    while time.thread_time() < ends:
        pass


class Long:
    """Compute and give way, until told to end."""

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
    """Run a call of a quiet line beside a long call, whose line has computed for so long."""
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
    """Compute for 50 ms, and return how many rounds the long call ran meanwhile."""
    before = long.rounds
    compute(0.05)
    return long.rounds - before


def rounds_in_the_end(long: Long) -> int:
    """Wait until the long call has run ten more rounds."""
    before = long.rounds
    while long.rounds < before + 10:
        time.sleep(0.001)
    return long.rounds - before


def test_a_line_that_has_computed_much_waits_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PATIENCE_SECONDS", "MOST_WAITED", "YOUNG_SECONDS"):
        monkeypatch.setattr(precedence, name, 60)
    assert beside_a_long_call(rounds_meanwhile, busy_seconds=0.2) <= 1


def test_a_line_that_has_computed_little_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precedence, "PATIENCE_SECONDS", 60)

    assert beside_a_long_call(rounds_in_the_end, busy_seconds=0.01) >= 10


def test_no_call_waits_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls run on after a time: the long call may hold what the other call needs."""
    monkeypatch.setattr(precedence, "YOUNG_SECONDS", 60)
    assert beside_a_long_call(rounds_in_the_end, busy_seconds=0.2) >= 10


def test_a_call_that_only_waits_loses_its_precedence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a call that itself waits, as for a receiver that hangs: it needs no time."""
    monkeypatch.setattr(precedence, "PATIENCE_SECONDS", 60)
    monkeypatch.setattr(precedence, "MOST_WAITED", 60)
    assert beside_a_long_call(rounds_in_the_end, busy_seconds=0.2) >= 10


def test_a_line_waits_for_a_third_of_its_time_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the time however many lines there are: anybody can invent names of lines."""
    monkeypatch.setattr(precedence, "HALVED_SECONDS", 3600)
    calls = precedence.CallPrecedence()
    waited = 0.0
    for _ in range(10):
        with beside_a_new_line(calls):
            calls.begin("busy")
            compute(0.06)
            calls.end()
            calls.begin("busy")
            begun_at = time.monotonic()
            patience = calls._calls[get_ident()].patience
            calls.wait()
            waited += min(time.monotonic() - begun_at, patience)
            calls.end()
    assert precedence.MOST_WAITED - precedence.YOUNG_SECONDS < waited <= precedence.MOST_WAITED


@contextmanager
def beside_a_new_line(calls: precedence.CallPrecedence) -> Iterator[None]:
    """Begin calls of new lines, one after the other, within the block."""
    ends = Event()

    def begin_and_end() -> None:
        while not ends.is_set():
            calls.begin(f"new {next(NUMBERS)}")
            ends.wait(precedence.YOUNG_SECONDS / 2)
            calls.end()

    thread = Thread(target=begin_and_end)
    thread.start()
    try:
        yield
    finally:
        ends.set()
        thread.join()


def test_what_a_line_has_computed_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    calls = precedence.CallPrecedence()
    calls.begin("a")
    compute(0.02)
    calls.end()
    [line] = calls._lines.values()
    before = line.computed
    clock[0] = 3600.0
    calls.begin("a")
    calls.end()
    assert before > 0.01
    assert line.computed < before / 100


@pytest.mark.parametrize(
    "work",
    [
        lambda: strict_json.parse(b"[" + b"1," * 500 + b"1]"),
        lambda: strict_json.parse(b"[" + b"1.5," * 500 + b"1]"),
        lambda: strict_json.parse(b"[" + b"{}," * 500 + b"1]"),
        lambda: strict_json.parse(b"[" + rb'"\u0041",' * 500 + b"1]"),
        lambda: list(key_shape.places([["text"]] * 500, "data")),
        lambda: [Work().spend(1) for _ in range(500)],
        lambda: settings.redact_data({"a": ['"\\'] * 500}, {"ssn"}),
    ],
    ids=["numbers", "fractions", "objects", "texts", "keys", "schemas", "hidden fields"],
)
def test_what_computes_for_long_gives_way(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]
) -> None:
    asked = []
    monkeypatch.setattr(precedence.calls, "somebody_waits", True)
    monkeypatch.setattr(precedence.calls, "wait", lambda: asked.append(1))
    work()
    assert len(asked) >= 500
