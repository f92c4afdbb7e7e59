"""How much goes to one endpoint at once."""

from portal.webhooks.lanes import WIDEST, Lane, Lanes
from portal.webhooks.queue import Due

PLAIN = Due("tnt", "whk", False, False, None, None)


def test_success_widens_a_lane_and_failure_narrows_it() -> None:
    lane = Lane()
    assert lane.room(PLAIN, 0.0) == 10
    for _ in range(100):
        lane.left(1, 0.0)
        lane.returned(good=True)
    assert lane.room(PLAIN, 0.0) == WIDEST
    for _ in range(10):
        lane.left(1, 0.0)
        lane.returned(good=False)
    assert lane.room(PLAIN, 0.0) == 1


def test_a_probe_and_an_ordered_delivery_go_alone() -> None:
    for due in (
        Due("tnt", "whk", True, False, None, None),
        Due("tnt", "whk", False, True, None, None),
    ):
        lane = Lane()
        assert lane.room(due, 0.0) == 1
        lane.left(1, 0.0)
        assert lane.room(due, 0.0) == 0


def test_a_limited_rate_is_kept() -> None:
    lane = Lane(filled_at=0.0)
    due = Due("tnt", "whk", False, False, 5, None)
    sent = 0
    for tenth in range(100):
        room = lane.room(due, tenth / 10)
        lane.left(room, tenth / 10)
        sent += room
        for _ in range(room):
            lane.returned(good=True)
    assert 45 <= sent <= 55


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
