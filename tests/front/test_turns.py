"""Test that requests wait in lines that take turns, so that a flood delays mostly itself."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from portal.core.threads.slot import given_up
from portal.front import threads as threads_module
from portal.front.fair_queue import Line
from portal.front.threads import Busy, Threads

FLOOD, QUIET = Line("192.0.2.1", "Bearer sk-acme-"), Line("192.0.2.1", "Bearer sk-glbx-")
SECONDS = 20


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Yield the event that the flood's calls wait for."""
    gate = threading.Event()
    yield gate
    gate.set()


def with_threads(
    use: Callable[[Threads], Awaitable[None]],
    threads: int = 4,
    places: int = 20,
    at_once: int = 2,
    of_one_source: int | None = None,
    spare: int = 0,
) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        pool = Threads(loop, "test", threads, places, at_once, of_one_source, spare)
        try:
            await asyncio.wait_for(use(pool), SECONDS)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, pool.stop)

    asyncio.run(run())


def test_a_line_that_blocks_all_it_may_leaves_the_others_a_thread(gate: threading.Event) -> None:
    async def use(threads: Threads) -> None:
        flood = [asyncio.create_task(threads.run(FLOOD, gate.wait)) for _ in range(10)]
        await asyncio.sleep(0)
        for number in range(20):
            assert await threads.run(QUIET, lambda number=number: number) == number
        assert not any(one.done() for one in flood)
        gate.set()
        assert await asyncio.gather(*flood) == [True] * 10

    with_threads(use)


def test_a_second_call_of_a_line_begins_when_no_other_line_has_had_one_for_a_while(
    gate: threading.Event,
) -> None:
    async def use(threads: Threads) -> None:
        assert await threads.run(QUIET, lambda: True)
        first = asyncio.create_task(threads.run(FLOOD, gate.wait))
        await asyncio.sleep(0)
        assert await threads.run(FLOOD, lambda: "second") == "second"
        assert not first.done()
        gate.set()
        assert await first

    with_threads(use)


def test_a_call_that_waits_too_long_for_a_thread_is_refused_meanwhile(
    gate: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads_module, "WAIT_SECONDS", 0.2)

    async def use(threads: Threads) -> None:
        first = asyncio.create_task(threads.run(FLOOD, gate.wait))
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(Busy):
                await threads.run(FLOOD, lambda: "second")
        assert not first.done()
        gate.set()
        assert await first
        while threads._in_hand:
            await asyncio.sleep(0.01)
        assert await threads.run(FLOOD, lambda: "third") == "third"

    with_threads(use, at_once=1)


def test_the_lines_of_a_network_that_block_all_they_may_leave_other_networks_a_thread(
    gate: threading.Event,
) -> None:
    async def use(threads: Threads) -> None:
        running: list[int] = []

        def hold(number: int) -> bool:
            running.append(number)
            return gate.wait(SECONDS)

        lines = [Line("192.0.2.1", str(number)) for number in range(10)]
        flood = [
            asyncio.create_task(threads.run(line, hold, number))
            for number, line in enumerate(lines)
        ]
        await asyncio.sleep(0)
        elsewhere = Line("198.51.100.1", "")
        for number in range(20):
            assert await threads.run(elsewhere, lambda number=number: number) == number
        assert not any(one.done() for one in flood)
        assert len(running) == 3, "it has all that it may"
        gate.set()
        assert await asyncio.gather(*flood) == [True] * 10

    with_threads(use, of_one_source=3)


def test_lines_take_turns(gate: threading.Event) -> None:
    done: list[str] = []

    async def use(threads: Threads) -> None:
        first = asyncio.create_task(threads.run(Line("b", ""), gate.wait))
        await asyncio.sleep(0)
        lines = [FLOOD] * 5 + [QUIET] * 2 + [Line("198.51.100.1", "")]
        names = ["flood"] * 5 + ["quiet"] * 2 + ["elsewhere"]
        waiting = [
            asyncio.create_task(threads.run(line, done.append, name))
            for line, name in zip(lines, names, strict=True)
        ]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(first, *waiting)

    with_threads(use, threads=1, at_once=1)
    turns = ["flood", "elsewhere", "quiet", "flood", "quiet", "flood", "flood", "flood"]
    assert done == turns, "each network in turn, and in each of them every name"


def test_where_all_places_are_taken_the_longest_line_gives_one_up(gate: threading.Event) -> None:
    async def use(threads: Threads) -> None:
        flood = [asyncio.create_task(threads.run(FLOOD, gate.wait)) for _ in range(7)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await threads.run(FLOOD, gate.wait)
        assert await threads.run(QUIET, lambda: "answered") == "answered"
        gate.set()
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert [type(one) for one in answers] == [bool] * 6 + [Busy], "the last that came"

    with_threads(use, threads=2, places=5, at_once=1)


def test_a_flood_with_a_credential_for_each_request_gives_up_its_own_places(
    gate: threading.Event,
) -> None:
    async def use(threads: Threads) -> None:
        def asks(number: int) -> "asyncio.Task[bool]":
            return asyncio.create_task(threads.run(Line("192.0.2.1", str(number)), gate.wait))

        flood = [asks(number) for number in range(4)]
        elsewhere = Line("198.51.100.1", "")
        await asyncio.sleep(0)
        quiet = asyncio.create_task(threads.run(elsewhere, lambda: "answered"))
        await asyncio.sleep(0)
        flood += [asks(number) for number in range(6, 60)]
        gate.set()
        assert await quiet == "answered"
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert Busy in map(type, answers)

    with_threads(use, threads=2, places=5, at_once=1)


def test_where_all_places_are_taken_an_idle_thread_is_woken_for_another_line(
    gate: threading.Event,
) -> None:
    async def use(threads: Threads) -> None:
        flood = [asyncio.create_task(threads.run(FLOOD, gate.wait)) for _ in range(7)]
        await asyncio.sleep(0.2)  # the second thread has found no call that it may run
        try:
            assert await asyncio.wait_for(threads.run(QUIET, lambda: "answered"), 5) == "answered"
        finally:
            gate.set()
        await asyncio.gather(*flood, return_exceptions=True)

    with_threads(use, threads=2, places=5, at_once=1)


def test_what_waits_at_the_end_is_answered(gate: threading.Event) -> None:
    answers: list[bool] = []

    async def run() -> None:
        threads = Threads(asyncio.get_running_loop(), "test", 4, 20, 1)
        flood = [asyncio.create_task(threads.run(FLOOD, gate.wait)) for _ in range(10)]
        await asyncio.sleep(0)
        stopped = asyncio.get_running_loop().run_in_executor(None, threads.stop)
        gate.set()
        await asyncio.wait_for(stopped, SECONDS)
        answers.extend(await asyncio.gather(*flood))

    asyncio.run(run())
    assert answers == [True] * 10


def test_calls_that_wait_for_other_systems_have_no_slot(gate: threading.Event) -> None:
    """Check this for more of them than there are slots, of the line that asks meanwhile."""

    def wait() -> bool:
        with given_up():
            return gate.wait(SECONDS)

    async def use(threads: Threads) -> None:
        waiting = [asyncio.create_task(threads.run(QUIET, wait)) for _ in range(6)]
        await asyncio.sleep(0)
        for number in range(20):
            assert await threads.run(QUIET, lambda number=number: number) == number
        assert not any(one.done() for one in waiting)
        gate.set()
        assert await asyncio.gather(*waiting) == [True] * 6

    with_threads(use, threads=2, at_once=1, spare=6)


def test_no_more_calls_run_than_there_are_slots(gate: threading.Event) -> None:
    """Check this while calls that waited for other systems come back."""
    running, most, lock = 0, 0, threading.Lock()

    def count() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.001)
        with lock:
            running -= 1

    def wait_and_count() -> bool:
        with given_up():
            gate.wait(SECONDS)
        count()
        return True

    async def use(threads: Threads) -> None:
        lines = [Line(f"192.0.2.{number}", "") for number in range(8)]
        waiting = [asyncio.create_task(threads.run(line, wait_and_count)) for line in lines]
        await asyncio.sleep(0)
        others = [asyncio.create_task(threads.run(line, count)) for line in lines * 10]
        gate.set()
        await asyncio.gather(*waiting, *others)
        assert most == 2

    with_threads(use, threads=2, places=200, spare=8)
