"""Test the bounded threads: each place is given back, however the call ends."""

import asyncio
from threading import Event

import pytest

from portal.front.fair_queue import Line
from portal.front.threads import Busy, Threads

THREADS, PLACES = 2, 8
ENDS = ("nothing", "result", "fault", "cancelled")


def line(number: int) -> Line:
    return Line(f"network {number % 3}", "caller")


def end_as(end: str, going: Event) -> str | None:
    going.wait(30)
    if end == "fault":
        raise ValueError
    return end if end == "result" else None


async def end_of(call: "asyncio.Task[str | None]", end: str) -> str:
    """Await a call, cancelled first if that is its `end`, and return how it ended."""
    if end == "cancelled":
        await asyncio.sleep(0)
        call.cancel()
    try:
        return await call or "nothing"
    except (ValueError, asyncio.CancelledError, Busy) as error:
        return {ValueError: "fault", Busy: "busy"}.get(type(error), "cancelled")


def test_a_flood_leaves_all_places_free() -> None:
    async def flood() -> None:
        threads = Threads(asyncio.get_running_loop(), "flooded", THREADS, PLACES)
        going = Event()
        many = [ENDS[number % len(ENDS)] for number in range(40 * len(ENDS))]
        calls = [
            asyncio.create_task(threads.run(line(number), end_as, end, going))
            for number, end in enumerate(many)
        ]
        ends = [asyncio.create_task(end_of(*one)) for one in zip(calls, many, strict=True)]
        await asyncio.sleep(0.01)
        assert threads._in_hand == THREADS + PLACES
        going.set()
        ended = await asyncio.gather(*ends)
        assert all(is_end in (end, "busy") for is_end, end in zip(ended, many, strict=True))
        assert ended.count("busy") > len(many) // 2
        while threads._in_hand:
            await asyncio.sleep(0.01)
        again = [threads.run(line(0), end_as, "result", going) for _ in range(THREADS + PLACES)]
        assert await asyncio.gather(*again) == ["result"] * (THREADS + PLACES)
        threads.stop()
        assert threads._in_hand == 0

    asyncio.run(asyncio.wait_for(flood(), 30))


@pytest.mark.parametrize("end", ["nothing", "result", "fault"])
def test_calls_in_hand_are_ended_and_told_of_when_the_threads_stop(end: str) -> None:
    async def stop() -> list[str]:
        threads = Threads(asyncio.get_running_loop(), "stopped", THREADS, PLACES)
        going = Event()
        going.set()
        calls = [asyncio.create_task(threads.run(line(0), end_as, end, going)) for _ in range(6)]
        await asyncio.sleep(0)
        threads.stop()
        async with asyncio.timeout(30):
            return await asyncio.gather(*[end_of(call, end) for call in calls])

    assert asyncio.run(stop()) == [end] * 6
