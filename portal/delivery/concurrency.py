"""Limit how many deliveries are in flight to each endpoint, so that no endpoint slows down another.

A lane is the concurrency limit of one endpoint. It widens with every success and halves with every
failure, so a fast receiver gets many requests at once, a dead or slow one few, and nobody has to
set numbers. For a lane of full width, more deliveries are claimed ahead and wait here, so that its
senders never wait for the database. Lanes belong to one process, which has its share of the full
width. Limits that apply to all workers (a pause, a rate limit, a wait that the receiver asked for)
are in the database.
"""

import time
from collections import deque
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field

from portal.delivery.queue.queue import DueEndpoint, LeasedDelivery

FIRST_WIDTH = 10.0
WIDEST = 64.0
AHEAD = 10
"""Deliveries claimed ahead, in widths of the lane. Half of them are sent while the next claim
runs."""

QUICK_SECONDS = 1.0
BEGIN_WITHIN = 15.0
"""Longest wait for a turn, in seconds from the start of the lease. After a longer wait the attempt
may not end within the lease, because it may also wait for a connection, as long as an attempt
takes."""

FORGOTTEN_AFTER = 300.0  # seconds
REST_SECONDS = 0.5
CONDITIONS_SECONDS = 10.0
"""For how long to remember that an endpoint is paused, ordered or rate-limited."""


@dataclass(slots=True)
class EndpointLimit:
    """The concurrency limit of one endpoint: how many deliveries are in flight, and how many may
    be."""

    width: float = FIRST_WIDTH
    widest: float = WIDEST
    on_its_way: int = 0
    unrecorded: int = 0
    waiting: deque[LeasedDelivery] = field(default_factory=deque)
    is_quick: bool = False
    used_at: float = field(default_factory=time.monotonic)
    has_more: bool = False
    rests_until: float = 0.0
    conditions_until: float = 0.0
    halted_at: float = float("-inf")
    """Nothing begins that was claimed before, by this process's monotonic clock."""

    def room(self, due: DueEndpoint) -> int:
        """Return how many more deliveries may be claimed now."""
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

    def took(self, taken: Iterable[LeasedDelivery]) -> None:
        """Add leased deliveries, which are sent as soon as there is room."""
        self.waiting.extend(taken)
        self.used_at = time.monotonic()

    def next(self) -> LeasedDelivery | None:
        """Return the next delivery to send now; None if none waits or the lane is full."""
        if not self.waiting or self.is_full:
            return None
        self.on_its_way += 1
        return self.waiting.popleft()

    @property
    def is_full(self) -> bool:
        """Tell whether the whole width is in flight or not recorded yet. If this worker dies,
        another one may send these again."""
        return self.on_its_way + self.unrecorded >= int(self.width)

    @property
    def is_held_up(self) -> bool:
        """Tell whether the lane waits for its records, or soon will."""
        return bool(self.waiting) and self.unrecorded >= self.width / 2

    def not_begun(self) -> None:
        """Note that a delivery from `next` was not sent."""
        self.on_its_way -= 1

    def recorded(self, count: int) -> None:
        """Note that `count` ended attempts are now recorded in the database."""
        self.unrecorded -= count

    def returned(self, *, good: bool, seconds: float = 0.0) -> None:
        """Note that an attempt has ended, with success or without, and is to be recorded."""
        self.on_its_way -= 1
        self.unrecorded += 1
        self.is_quick = good and seconds < QUICK_SECONDS
        self.width = min(self.width + 1.0, self.widest) if good else max(self.width / 2, 1.0)
        if not good and self.width == 1.0:
            # A receiver that only fails must not run through its backlog at the cost of others.
            self.rests_until = time.monotonic() + REST_SECONDS

    def is_late(self, now: float) -> bool:
        """Tell whether the first waiting delivery has waited for too long."""
        return bool(self.waiting) and now - self.waiting[0].leased_at > BEGIN_WITHIN

    def note_conditions(self) -> None:
        """Note that more than room decides what may be sent: new deliveries must be found by a
        search."""
        self.conditions_until = time.monotonic() + CONDITIONS_SECONDS

    @property
    def has_conditions(self) -> bool:
        """Tell whether conditions were noted recently."""
        return time.monotonic() < self.conditions_until

    def halt(self) -> None:
        """Let nothing begin that was claimed until now."""
        self.halted_at = time.monotonic()

    def may_begin(self, claimed_at: float) -> bool:
        """Tell whether the lane was not halted since a claim, which began at `claimed_at`."""
        return self.halted_at < claimed_at

    def emptied(self) -> list[LeasedDelivery]:
        """Remove the waiting deliveries and return them."""
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting

    @property
    def is_busy(self) -> bool:
        """Tell whether the lane rests, or has too little room to be worth a claim: half of it must
        be empty first."""
        return self._held > self._space // 2 or time.monotonic() < self.rests_until


class EndpointLimits:
    """The lanes of all endpoints that this worker has sent to recently, by webhook id."""

    def __init__(self) -> None:
        self._lanes: dict[str, EndpointLimit] = {}
        self._halted_at = float("-inf")
        self.widest = WIDEST

    def of(self, webhook_id: str) -> EndpointLimit:
        if (lane := self._lanes.get(webhook_id)) is None:
            lane = EndpointLimit(min(FIRST_WIDTH, self.widest), self.widest)
            lane.halted_at = self._halted_at  # a claim for it may be running
            self._lanes[webhook_id] = lane
        return lane

    def halt_all(self) -> None:
        """Halt every lane, also those that are not here yet."""
        self._halted_at = time.monotonic()
        for lane in self._lanes.values():
            lane.halt()

    def share_with(self, workers: int) -> None:
        """Limit each lane to this process's share of the full width, divided among `workers`."""
        self.widest = max(WIDEST // workers, 1.0)
        for lane in self._lanes.values():
            lane.width, lane.widest = min(lane.width, self.widest), self.widest

    def __iter__(self) -> Iterator[EndpointLimit]:
        return iter(self._lanes.values())

    def busy(self) -> list[str]:
        """Return the endpoints that a search must leave out."""
        return [webhook_id for webhook_id, lane in self._lanes.items() if lane.is_busy]

    def note_nothing_more(self, but: Container[str]) -> None:
        """Note that nothing more is due for any endpoint except these."""
        for webhook_id, lane in self._lanes.items():
            if webhook_id not in but:
                lane.has_more = False

    def forget_idle(self) -> None:
        """Delete the lanes of endpoints that got nothing for long; they start again at the first
        width."""
        since = time.monotonic() - FORGOTTEN_AFTER
        idle = [
            k
            for k, lane in self._lanes.items()
            if not lane.on_its_way + lane.unrecorded and lane.used_at < since
        ]
        for webhook_id in idle:
            del self._lanes[webhook_id]
