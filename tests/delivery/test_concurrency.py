"""Test the concurrency limit of one endpoint."""

import time
from datetime import UTC, datetime

import pytest

from portal.delivery.concurrency import AHEAD, BEGIN_WITHIN, WIDEST, EndpointLimit, EndpointLimits
from portal.delivery.queue.queue import DeliverySettings, DueEndpoint, LeasedDelivery

PLAIN = DueEndpoint("tnt", "whk", False, False, None, None)
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = DeliverySettings("whk", "https://x.example", {}, {}, "github", None, None, False, 0, NOW)
TAKEN = LeasedDelivery(
    "tnt", "dlv", "whk", "evt", "a.b", 1, 1, 1, "event", None, "{}", None, SETTINGS, 1, 0.0
)


def leaves(lane: EndpointLimit, count: int = 1) -> None:
    """Add so many deliveries to a lane, and send them at once."""
    lane.took([TAKEN] * count)
    for _ in range(count):
        assert lane.next()


def ends(lane: EndpointLimit, *, good: bool = True, seconds: float = 0.0) -> None:
    """Let one attempt end, and be recorded."""
    lane.returned(good=good, seconds=seconds)
    lane.recorded(1)


def widened() -> EndpointLimit:
    """Return a lane of full width, after many successes."""
    lane = EndpointLimit()
    for _ in range(100):
        leaves(lane)
        ends(lane, good=True)
    return lane


def test_success_widens_a_lane_and_failure_narrows_it() -> None:
    lane = EndpointLimit()
    assert lane.room(PLAIN) == 10
    lane = widened()
    assert lane.room(PLAIN) == WIDEST * (1 + AHEAD)
    for _ in range(10):
        leaves(lane)
        ends(lane, good=False)
    assert lane.room(PLAIN) == 1


def test_what_is_taken_ahead_waits_for_its_turn() -> None:
    lane = widened()
    lane.took([TAKEN._replace(id=f"dlv_{number}") for number in range(100)])
    left = [taken.id for _ in range(100) if (taken := lane.next())]
    assert left == [f"dlv_{number}" for number in range(int(WIDEST))]
    ends(lane, good=True)
    following = lane.next()
    assert following is not None
    assert following.id == f"dlv_{int(WIDEST)}"


def test_what_is_not_recorded_yet_counts_with_what_is_on_its_way() -> None:
    """Check the limit that counts both, because both are sent again if the worker dies."""
    lane, begun = widened(), 0
    lane.took([TAKEN] * 1000)
    while lane.next():
        begun += 1
        lane.returned(good=True)
    assert begun == WIDEST
    lane.recorded(2)
    assert [lane.next(), lane.next(), lane.next()] == [TAKEN, TAKEN, None]


def test_what_did_not_leave_leaves_room_for_another() -> None:
    lane = EndpointLimit(width=1.0)
    leaves(lane)
    lane.not_begun()
    leaves(lane)


def test_nothing_is_taken_ahead_of_a_slow_receiver() -> None:
    lane = widened()
    leaves(lane)
    ends(lane, good=True, seconds=5.0)
    assert lane.room(PLAIN) == WIDEST


def test_what_waited_for_most_of_its_lease_is_late() -> None:
    lane = widened()
    assert not lane.is_late(BEGIN_WITHIN + 1)
    lane.took([TAKEN])
    assert not lane.is_late(BEGIN_WITHIN - 1)
    assert lane.is_late(BEGIN_WITHIN + 1)
    assert lane.emptied() == [TAKEN]
    assert lane.next() is None


def test_a_probe_and_an_ordered_delivery_go_alone() -> None:
    for due in (
        DueEndpoint("tnt", "whk", True, False, None, None),
        DueEndpoint("tnt", "whk", False, True, None, None),
    ):
        for lane in (EndpointLimit(), widened()):
            assert lane.room(due) == 1
            leaves(lane)
            assert lane.room(due) == 0


def test_no_more_is_asked_for_than_a_limited_rate_can_give() -> None:
    lane = widened()
    due = DueEndpoint("tnt", "whk", False, False, 5, None)
    leaves(lane, 2)
    assert lane.room(due) == 5


def test_workers_share_the_widest_lane() -> None:
    lanes = EndpointLimits()
    lanes.of("before").width = WIDEST
    lanes.share_with(4)
    for webhook in ("before", "after"):
        for _ in range(100):
            leaves(lanes.of(webhook))
            ends(lanes.of(webhook))
        assert lanes.of(webhook).width == WIDEST / 4
    lanes.share_with(1000)
    assert lanes.of("before").width == 1


def test_what_was_claimed_before_a_halt_does_not_begin() -> None:
    lanes = EndpointLimits()
    before, other = lanes.of("halted"), lanes.of("other")
    begun = time.monotonic()
    before.halt()
    assert not before.may_begin(begun)
    assert other.may_begin(begun)
    assert before.may_begin(time.monotonic())


def test_a_halt_of_all_holds_for_lanes_that_come_later() -> None:
    lanes = EndpointLimits()
    lanes.of("before")
    begun = time.monotonic()
    lanes.halt_all()
    for name in ("before", "after"):
        assert not lanes.of(name).may_begin(begun)
        assert lanes.of(name).may_begin(time.monotonic())


def test_busy_lanes_are_not_asked_about() -> None:
    lanes = EndpointLimits()
    lanes.of("idle")
    leaves(lanes.of("busy"), 10)
    assert lanes.busy() == ["busy"]


def test_one_that_only_fails_is_left_to_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.delivery.concurrency.REST_SECONDS", 60.0)
    lane = EndpointLimit(width=1.0)
    leaves(lane)
    ends(lane, good=False)
    assert lane.is_busy
    assert lane.on_its_way == 0
