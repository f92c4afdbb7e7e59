"""Test several workers at one queue: real processes, which share the work and stop cleanly."""

import re
import signal

from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import deliveries, publish, rfp, until
from tests.webhooks.conftest import Make
from tests.webhooks.kit import PATIENT, Gate, Mailbox, said, sinks, working

LISTED = "SELECT count(*) FROM delivery_worker"
FIRST_WIDTH = 10  # the lane of an endpoint that is new to a worker


def publish_many(ada: Api, count: int) -> set[str]:
    return {event["id"] for event in publish(ada, *(rfp(number) for number in range(count)))}


def test_two_workers_share_the_work_and_repeat_nothing(
    settings: dict[str, str], ada: Api, make: Make
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port], working(settings) as one, working(settings) as other:
        make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        for worker in (one, other):
            said(worker, "delivery ready")
        events = publish_many(ada, 400)
        until(lambda: gate.waiting == 2 * FIRST_WIDTH)
        gate.open()
        until(lambda: len(gate.ids) == 400)
        ends = []
        for worker in (one, other):
            worker.send_signal(signal.SIGTERM)
            ends.append(said(worker, "delivery stopped"))
            assert worker.wait(20) == 0
    assert len(set(gate.ids)) == 400
    assert set(gate.ids) == events
    shares = [int(re.search(r"attempts.{0,9}?(\d+)", line)[1]) for line in ends]
    assert sum(shares) == 400
    assert min(shares) >= FIRST_WIDTH, "both have worked"
    assert sorted(int(head["cpod-sequence"]) for head in gate.heads) == list(range(1, 401))


def test_sigterm_lets_what_is_on_its_way_arrive_and_leaves_the_rest_to_others(
    settings: dict[str, str], ada: Api, make: Make, database: Database
) -> None:
    gate = Gate()
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        events = publish_many(ada, 50)
        with working(settings) as worker:
            until(lambda: gate.waiting == FIRST_WIDTH)
            worker.send_signal(signal.SIGTERM)
            said(worker, "worker stopped")
            gate.open()
            assert worker.wait(40) == 0
        after = deliveries(ada, webhook, "?limit=100")
        delivered = {one["event_id"] for one in after if one["state"] == "delivered"}
        assert delivered == set(gate.ids), "what arrived is written down"
        assert {one["state"] for one in after} <= {"delivered", "pending"}, "none is left leased"
        assert database.sql(LISTED) == 0, "others would take it for dead, and warn"
        with working(settings):
            until(lambda: len(gate.ids) == 50)
    assert set(gate.ids) == events


def test_a_worker_that_comes_later_helps(settings: dict[str, str], ada: Api, make: Make) -> None:
    mailbox = Mailbox()
    with sinks(mailbox.behave) as [port], working(settings) as first:
        make(f"http://127.0.0.1:{port}/")
        before = publish_many(ada, 5)
        until(lambda: set(mailbox.ids) == before)
        with working(settings) as second:
            said(second, "delivery ready")
            first.send_signal(signal.SIGTERM)
            assert first.wait(20) == 0
            after = publish_many(ada, 5)
            until(lambda: set(mailbox.ids) == before | after)
    assert len(mailbox.ids) == 10


def test_a_worker_that_has_stopped_is_not_taken_for_dead(
    settings: dict[str, str], ada: Api, make: Make, database: Database
) -> None:
    mailbox = Mailbox()
    with sinks(mailbox.behave) as [port], working(settings) as worker:
        make(f"http://127.0.0.1:{port}/")
        events = publish_many(ada, 5)
        until(lambda: set(mailbox.ids) == events)
        assert database.sql(LISTED) == 1
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0
    assert database.sql(LISTED) == 0
