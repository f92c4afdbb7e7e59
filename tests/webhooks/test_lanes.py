"""How much goes to one endpoint at once."""

from portal.webhooks.lanes import WIDEST, Lane, Lanes
from portal.webhooks.queue import Due

PLAIN = Due("tnt", "whk", False, False, None, None)


def test_success_widens_a_lane_and_failure_narrows_it() -> None:
    lane = Lane()
    assert lane.room(PLAIN) == 10
    for _ in range(100):
        lane.left(1, 0.0)
        lane.returned(good=True)
    assert lane.room(PLAIN) == WIDEST
    for _ in range(10):
        lane.left(1, 0.0)
        lane.returned(good=False)
    assert lane.room(PLAIN) == 1


def test_a_probe_and_an_ordered_delivery_go_alone() -> None:
    for due in (
        Due("tnt", "whk", True, False, None, None),
        Due("tnt", "whk", False, True, None, None),
    ):
        lane = Lane()
        assert lane.room(due) == 1
        lane.left(1, 0.0)
        assert lane.room(due) == 0


def test_no_more_is_asked_for_than_a_limited_rate_can_give() -> None:
    lane = Lane()
    due = Due("tnt", "whk", False, False, 5, None)
    lane.left(2, 0.0)
    assert lane.room(due) == 5


def test_workers_share_the_widest_lane() -> None:
    lanes = Lanes()
    lanes.of("before").width = WIDEST
    lanes.share_with(4)
    for webhook in ("before", "after"):
        for _ in range(100):
            lanes.of(webhook).left(1, 0.0)
            lanes.of(webhook).returned(good=True)
        assert lanes.of(webhook).room(PLAIN) == WIDEST / 4
    lanes.share_with(1000)
    assert lanes.of("before").room(PLAIN) == 1


def test_busy_lanes_are_not_asked_about() -> None:
    lanes = Lanes()
    lanes.of("idle")
    lanes.of("busy").left(10, 0.0)
    assert lanes.busy() == ["busy"]


def test_one_that_only_fails_is_left_to_rest() -> None:
    lane = Lane(width=1.0)
    lane.left(1, 0.0)
    lane.returned(good=False)
    assert lane.is_busy
    assert lane.on_its_way == 0
