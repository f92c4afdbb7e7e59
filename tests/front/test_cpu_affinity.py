"""Test which CPUs the threads of a process use: one, unless everything else needs it."""

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from portal.front.cpu_affinity import FULL, MARGIN, Loads, OneCpu, busy_seconds, cpus_for
from portal.front.threads import Threads

LOOKS = 100  # enough for a move that is put off at every second look

loads = st.dictionaries(st.integers(0, 63), st.floats(0, 1), min_size=1, max_size=8)


def after(looks: int, cpus: Mapping[int, float], own: float, confined: set[int]) -> set[int]:
    """Return the CPUs that the threads use after so many looks at the same loads."""
    for _ in range(looks):
        confined = set(cpus_for(confined, Loads(cpus, own)))
    return confined


def test_threads_begin_on_the_quietest_cpu() -> None:
    assert after(1, {0: 0.4, 1: 0.1, 2: 0.3}, 0.0, set()) == {1}


def test_threads_stay_where_only_they_work() -> None:
    assert after(LOOKS, {0: 1.0, 1: 0.6}, 0.95, {0}) == {0}


def test_threads_move_away_from_others() -> None:
    assert after(LOOKS, {0: 1.0, 1: 0.2}, 0.5, {0}) == {1}


def test_threads_of_two_processes_do_not_move_together_for_ever() -> None:
    moves = [after(1, {0: 1.0, 1: 0.0}, 0.5, {0}) for _ in range(LOOKS)]
    assert {0} in moves
    assert {1} in moves


def test_threads_use_all_cpus_while_the_others_are_full() -> None:
    crowded = {0: 1.0, 1: 1.0}
    assert after(1, crowded, 0.5, {0}) == {0, 1}
    assert after(LOOKS, crowded, 0.5, {0, 1}) == {0, 1}
    assert len(after(1, {0: 0.9, 1: 0.3}, 0.8, {0, 1})) == 1


def test_threads_leave_a_cpu_that_they_may_no_longer_use() -> None:
    assert after(1, {2: 0.1, 3: 0.5}, 0.0, {0}) == {2}


@given(loads, st.floats(0, 2), st.sets(st.integers(0, 63), max_size=3))
def test_threads_use_one_allowed_cpu_or_all(
    cpus: dict[int, float], own: float, confined: set[int]
) -> None:
    found = cpus_for(confined, Loads(cpus, own))
    assert found == set(cpus) or (len(found) == 1 and found <= set(cpus))
    if sum(cpus.values()) - own > FULL * (len(cpus) - 1):
        assert found == set(cpus)
    elif found != confined and len(confined) == 1 and confined <= cpus.keys():
        (here,), (there,) = confined, found
        assert cpus[there] + MARGIN < cpus[here] - own


def test_times_of_guests_and_of_waiting_are_not_counted_as_work() -> None:
    stat = "cpu  9 9 9 9 9 9 9 9 9 9\ncpu0 100 20 30 5000 700 4 5 6 90 0\nintr 5\n"
    assert busy_seconds(stat) == {0: 165 / os.sysconf("SC_CLK_TCK")}


def test_the_times_of_this_system_grow_with_work() -> None:
    stat = Path("/proc/stat")
    before = busy_seconds(stat.read_text())
    while sum(busy_seconds(stat.read_text()).values()) == sum(before.values()):
        sum(range(100_000))
    assert os.sched_getaffinity(0) <= before.keys()


def cpus_of(threads: list[Thread]) -> list[set[int]]:
    return [os.sched_getaffinity(thread.native_id or 0) for thread in threads]


def test_threads_are_confined_and_the_loop_is_not() -> None:
    async def confined() -> None:
        allowed = os.sched_getaffinity(0)
        threads = Threads(asyncio.get_running_loop(), "confined", 3, 1)
        watching = asyncio.create_task(OneCpu(threads.threads).watch())
        await asyncio.sleep(0)
        first, *others = cpus_of(threads.threads)
        watching.cancel()
        threads.stop()
        assert len(first) == 1
        assert others == [first, first]
        assert os.sched_getaffinity(0) == allowed

    asyncio.run(asyncio.wait_for(confined(), 30))
