"""How much may be on its way to each endpoint: what keeps one from moving another's latency.

A lane widens with every success and halves with every failure, so a fast receiver is given much, a
dead or slow one little, and nobody chooses numbers. For a lane that is as wide as it gets, some are
taken ahead and wait here, so that its senders never wait for the database. Of this process alone,
which has its part of the widest lane; what else holds for all workers (a pause, a limited rate,
patience that a receiver asked for) is in the database.
"""

import time
from collections import deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from portal.delivery.queue.queue import Due, Taken

FIRST_WIDTH = 10.0
WIDEST = 64.0
AHEAD = 10
"""Times the width of the lane: half of it is on its way while the next claim is under way."""

QUICK_SECONDS = 1.0
BEGIN_WITHIN = 15.0
"""Limit the wait for a turn, in seconds of the lease: what waits for longer could not be ended
before another worker takes it, because it may wait for a connection as long as an attempt takes."""

FORGOTTEN_AFTER = 300.0  # seconds
REST_SECONDS = 0.5
CONDITIONS_SECONDS = 10.0
"""Remember for so long that an endpoint is paused, or keeps an order or a rate."""


@dataclass(slots=True)
class Lane:
    """One endpoint: how many are on their way, and how many may be."""

    width: float = FIRST_WIDTH
    widest: float = WIDEST
    on_its_way: int = 0
    unrecorded: int = 0
    waiting: deque[Taken] = field(default_factory=deque)
    is_quick: bool = False
    used_at: float = field(default_factory=time.monotonic)
    has_more: bool = False
    rests_until: float = 0.0
    conditions_until: float = 0.0

    def room(self, due: Due) -> int:
        """Return how many more may be taken now."""
        if due.is_probe or due.is_ordered:
            space = 1
        elif due.pace is not None:
            space = min(int(self.width), self._held + max(int(due.pace), 1))
        else:
            space = self._space
        return max(space - self._held, 0)

    @property
    def _space(self) -> int:
        ahead = AHEAD if self.is_quick and self.width == self.widest else 0
        return int(self.width) * (1 + ahead)

    @property
    def _held(self) -> int:
        return self.on_its_way + len(self.waiting)

    def took(self, taken: Iterable[Taken]) -> None:
        """These are leased, and leave as soon as there is room."""
        self.waiting.extend(taken)
        self.used_at = time.monotonic()

    def next(self) -> Taken | None:
        """Return one more that leaves now, if there is one and room for it."""
        if not self.waiting or self.is_full:
            return None
        self.on_its_way += 1
        return self.waiting.popleft()

    @property
    def is_full(self) -> bool:
        """Tell whether as many as the lane is wide have left and are not recorded yet: so many may
        be sent once more, by another worker, if this one dies."""
        return self.on_its_way + self.unrecorded >= int(self.width)

    @property
    def is_held_up(self) -> bool:
        """Tell whether records are what the lane waits for, or soon will."""
        return bool(self.waiting) and self.unrecorded >= self.width / 2

    def not_begun(self) -> None:
        """Note that a delivery that was to leave now did not."""
        self.on_its_way -= 1

    def recorded(self, count: int) -> None:
        """Note that so many of those that have returned are in the database."""
        self.unrecorded -= count

    def returned(self, *, good: bool, seconds: float = 0.0) -> None:
        """Note that one is answered, or given up, and is to be recorded."""
        self.on_its_way -= 1
        self.unrecorded += 1
        self.is_quick = good and seconds < QUICK_SECONDS
        self.width = min(self.width + 1.0, self.widest) if good else max(self.width / 2, 1.0)
        if not good and self.width == 1.0:
            # One that only fails is not hurried through its backlog, at the others' cost.
            self.rests_until = time.monotonic() + REST_SECONDS

    def is_late(self, now: float) -> bool:
        """Return what waits here has waited for too long."""
        return bool(self.waiting) and now - self.waiting[0].leased_at > BEGIN_WITHIN

    def note_conditions(self) -> None:
        """Note that more than room decides what may leave: what is new is to be looked for."""
        self.conditions_until = time.monotonic() + CONDITIONS_SECONDS

    @property
    def has_conditions(self) -> bool:
        """Tell whether that was seen lately."""
        return time.monotonic() < self.conditions_until

    def emptied(self) -> list[Taken]:
        """Return what waits here, and waits here no longer."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting

    @property
    def is_busy(self) -> bool:
        """Too little room to be worth a claim: half of the lane is let run empty first."""
        return self._held > self._space // 2 or time.monotonic() < self.rests_until


class Lanes:
    """The lanes of all endpoints that this worker has sent to lately, by webhook id."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self.widest = WIDEST

    def of(self, webhook_id: str) -> Lane:
        if (lane := self._lanes.get(webhook_id)) is None:
            lane = Lane(min(FIRST_WIDTH, self.widest), self.widest)
            self._lanes[webhook_id] = lane
        return lane

    def share_with(self, workers: int) -> None:
        """Take this process's part of what all of them may send to one endpoint at once."""
        self.widest = max(WIDEST // workers, 1.0)
        for lane in self._lanes.values():
            lane.width, lane.widest = min(lane.width, self.widest), self.widest

    def __iter__(self) -> Iterator[Lane]:
        return iter(self._lanes.values())

    def busy(self) -> list[str]:
        """Endpoints that are not to be asked about."""
        return [webhook_id for webhook_id, lane in self._lanes.items() if lane.is_busy]

    def note_nothing_more(self, but: Container[str]) -> None:
        """Note that nothing more is due for any endpoint but these."""
        for webhook_id, lane in self._lanes.items():
            if webhook_id not in but:
                lane.has_more = False

    def forget_idle(self) -> None:
        """Endpoints that nothing went to for long begin anew."""
        since = time.monotonic() - FORGOTTEN_AFTER
        idle = [
            k
            for k, lane in self._lanes.items()
            if not lane.on_its_way + lane.unrecorded and lane.used_at < since
        ]
        for webhook_id in idle:
            del self._lanes[webhook_id]
