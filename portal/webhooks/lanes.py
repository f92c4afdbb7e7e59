"""How much may be on its way to each endpoint: what keeps one from moving another's latency.

A lane widens with every success and halves with every failure, so a fast receiver is given much, a
dead or slow one little, and nobody chooses numbers. Of this process alone, which has its part of
the widest lane; what else holds for all workers (a pause, a limited rate, patience that a receiver
asked for) is in the database.
"""

import time
from dataclasses import dataclass, field

from portal.webhooks.queue import Due

FIRST_WIDTH = 10.0
WIDEST = 64.0
FORGOTTEN_AFTER = 300.0  # seconds
REST_SECONDS = 0.5


@dataclass(slots=True)
class Lane:
    """One endpoint: how many are on their way, and how many may be."""

    width: float = FIRST_WIDTH
    widest: float = WIDEST
    on_its_way: int = 0
    used_at: float = field(default_factory=time.monotonic)
    has_more: bool = False
    rests_until: float = 0.0

    def room(self, due: Due) -> int:
        """How many more may leave now."""
        width = 1 if due.is_probe or due.is_ordered else int(self.width)
        if due.pace is not None:
            width = min(width, self.on_its_way + max(int(due.pace), 1))
        return max(width - self.on_its_way, 0)

    def left(self, count: int, now: float) -> None:
        self.on_its_way += count
        self.used_at = now

    def returned(self, *, good: bool) -> None:
        self.on_its_way -= 1
        self.width = min(self.width + 1.0, self.widest) if good else max(self.width / 2, 1.0)
        if not good and self.width == 1.0:
            # One that only fails is not hurried through its backlog, at the others' cost.
            self.rests_until = time.monotonic() + REST_SECONDS

    @property
    def is_busy(self) -> bool:
        """Too little room to be worth a claim: half of the lane is let run empty first."""
        return self.on_its_way > int(self.width) // 2 or time.monotonic() < self.rests_until


class Lanes:
    """The lanes of all endpoints that this worker has sent to lately, by webhook id."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self.widest = WIDEST

    def of(self, webhook_id: str) -> Lane:
        width = min(FIRST_WIDTH, self.widest)
        return self._lanes.setdefault(webhook_id, Lane(width, self.widest))

    def share_with(self, workers: int) -> None:
        """Take this process's part of what all of them may send to one endpoint at once."""
        self.widest = max(WIDEST // workers, 1.0)
        for lane in self._lanes.values():
            lane.width, lane.widest = min(lane.width, self.widest), self.widest

    def busy(self) -> list[str]:
        """Endpoints that are not to be asked about."""
        return [webhook_id for webhook_id, lane in self._lanes.items() if lane.is_busy]

    def forget_idle(self) -> None:
        """Endpoints that nothing went to for long begin anew."""
        since = time.monotonic() - FORGOTTEN_AFTER
        idle = [
            k for k, lane in self._lanes.items() if not lane.on_its_way and lane.used_at < since
        ]
        for webhook_id in idle:
            del self._lanes[webhook_id]
