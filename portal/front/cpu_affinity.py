"""Keep the threads of a process that share an interpreter on one CPU.

Only one of them runs Python at a time. On two CPUs, each change of threads waits until the other
CPU has woken up and has the data in its caches, and threads that are woken in vain take time from
the one that runs. On one CPU, a process answers a third more small requests.

Everything else that runs uses the CPUs too. So once a second the threads move to another one if
they would have more of that. They may use all CPUs while the others have too much to do.
"""

import asyncio
import os
import random
import time
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import structlog

LOOK_SECONDS = 1.0
FULL = 0.85  # of the other CPUs: if everything else uses more, the threads are not confined
MARGIN = 0.1  # of a CPU, by which another one must be quieter; times are counted in 10 ms
OFTEN = 0.5  # how often threads move that should: those of two processes must not move together
IDLE = slice(3, 5)  # the times in which a CPU waited, also for a disk (proc(5), /proc/stat)
TICKS = os.sysconf("SC_CLK_TCK")

log = structlog.stdlib.get_logger(__name__)


class Times(NamedTuple):
    """Hold the seconds that each CPU and the threads have worked until a time, in seconds."""

    busy: Mapping[int, float]
    own: float
    at: float


class OneCpu:
    """Keep threads on one of the CPUs that the calling thread may use, of which it uses any."""

    def __init__(self, threads: Sequence[Thread]) -> None:
        self._threads = threads
        self._before: Times | None = None
        self._confined: Set[int] = frozenset()

    async def watch(self) -> None:
        """Confine the threads, and look every second. End where that is impossible, as on other
        systems than Linux."""
        try:
            while True:
                self._look()
                await asyncio.sleep(LOOK_SECONDS)
        except (AttributeError, OSError, ValueError) as error:
            log.info("threads are not kept on one CPU", reason=repr(error))

    def _look(self) -> None:
        allowed = os.sched_getaffinity(0)
        busy = busy_seconds(Path("/proc/stat").read_text())
        now = Times(busy, sum(map(_spent, self._threads)), time.monotonic())
        wanted = cpus_for(self._confined, _loads(self._before, now, allowed))
        self._before = now
        if wanted != self._confined:
            self._confined = wanted
            for thread in self._threads:
                os.sched_setaffinity(thread.native_id or 0, wanted)


class Loads(NamedTuple):
    """Hold how much of each CPU that the threads may use was used lately, and how much by them: 1.0
    is all of one CPU."""

    cpus: Mapping[int, float]
    own: float


def cpus_for(confined: Set[int], loads: Loads) -> Set[int]:
    """Return the CPUs that the threads shall use: one, or all. `confined` are those they use."""
    cpus = loads.cpus
    if sum(cpus.values()) - loads.own > FULL * (len(cpus) - 1):
        return set(cpus)
    quietest = min(cpus, key=lambda cpu: (cpus[cpu], random.random()))  # noqa: S311 - no secret
    if len(confined) != 1 or not confined <= cpus.keys():
        return {quietest}
    (cpu,) = confined
    by_others = cpus[cpu] - loads.own
    moves = cpus[quietest] + MARGIN < by_others and random.random() < OFTEN  # noqa: S311
    return {quietest} if moves else confined


def _loads(before: Times | None, now: Times, allowed: Set[int]) -> Loads:
    """Return the loads between two looks; those of the first look are unknown, and count as 0."""
    if before is None:
        return Loads(dict.fromkeys(allowed, 0.0), 0.0)
    seconds = now.at - before.at
    cpus = {
        cpu: (now.busy[cpu] - before.busy.get(cpu, now.busy[cpu])) / seconds
        for cpu in allowed & now.busy.keys()
    }
    return Loads(cpus, (now.own - before.own) / seconds)


def busy_seconds(stat: str) -> dict[int, float]:
    """Return the seconds that each CPU has worked since the system started, from /proc/stat."""
    found = {}
    for line in stat.splitlines():
        name, *times = line.split()
        if name.startswith("cpu") and name != "cpu":
            ticks = [int(text) for text in times[:8]]  # the rest is a part of these
            found[int(name.removeprefix("cpu"))] = (sum(ticks) - sum(ticks[IDLE])) / TICKS
    return found


def _spent(thread: Thread) -> float:
    """Return the seconds that a thread has worked (/proc/<pid>/task/<tid>/schedstat)."""
    text = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text()
    return int(text.split()[0]) / 1e9
