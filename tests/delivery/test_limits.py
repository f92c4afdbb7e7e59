"""Test the rate limit and the order of a webhook, whichever worker delivers."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event

import psycopg
from flask import Flask

from portal.core.config import libpq_url
from portal.database.actor import Actor
from portal.database.session import transaction
from portal.delivery.concurrency import AHEAD, WIDEST
from portal.delivery.queue import queue
from portal.delivery.queue.policy import Decision
from portal.events import service as events
from portal.events.schemas import EventInput
from tests.cast import ACME, Api
from tests.databases import Database
from tests.delivery.test_engine import delivering, publish, rfp, until
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Hands, ended, rows

RATE = 5
TENTH = "UPDATE endpoint SET paid_until = paid_until - interval '100 ms'"
AHEAD_BY = "SELECT extract(epoch FROM paid_until - now())::float8 AS seconds FROM endpoint"
WAITS = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
SINCE = "UPDATE endpoint SET resumed_at = now() - make_interval(secs => %s), paid_until = NULL"


def test_two_workers_keep_one_rate_together(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", rate_limit=RATE)
    publish(ada, *(rfp(number) for number in range(100)))
    taken, began = [0, 0], time.monotonic()
    for tenth in range(100):  # every second round has a delivery; the workers take turns
        for number in (0, 1) if tenth % 3 else (1, 0):
            got = two[number].take(webhook["id"], room=64)
            two[number].complete(*(ended(one) for one in got))
            taken[number] += len(got)
        rows(database, TENTH)
    # Ten seconds by the database's clock, plus one second that may be used at once, plus the
    # duration of the test itself.
    spent = time.monotonic() - began
    assert 10 * RATE <= sum(taken) <= (11 + spent) * RATE
    assert min(taken) > 0


def test_a_rate_that_was_not_used_is_not_saved_up(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", rate_limit=RATE)
    publish(ada, *(rfp(number) for number in range(50)))
    assert len(two[0].take(webhook["id"])) == RATE
    rows(database, "UPDATE endpoint SET paid_until = now() - interval '1 hour'")
    began = time.monotonic()
    first, second = (len(hands.take(webhook["id"])) for hands in two)
    spent = time.monotonic() - began
    assert first == RATE
    assert second <= spent * RATE, "what has come due since, and nothing of the hour"


def test_a_rate_goes_on_after_the_databases_clock_went_back(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", rate_limit=RATE)
    publish(ada, *(rfp(number) for number in range(50)))
    assert len(two[0].take(webhook["id"])) == RATE
    # What was written a moment ago is an hour ahead now.
    rows(database, "UPDATE endpoint SET paid_until = paid_until + interval '1 hour'")
    assert len(two[1].take(webhook["id"])) == 1, "no more than the rate allows at any moment"
    [paid] = rows(database, AHEAD_BY)
    assert paid["seconds"] <= 1 / RATE
    rows(database, "UPDATE endpoint SET paid_until = now() - interval '1 second'")
    assert len(two[0].take(webhook["id"])) == RATE


def test_after_a_pause_two_workers_begin_slowly_together(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    ada.post(f"/webhooks/{webhook['id']}/pause")
    publish(ada, *(rfp(number) for number in range(200)))
    ada.post(f"/webhooks/{webhook['id']}/resume")
    for second in range(5):
        began = time.monotonic()
        rows(database, SINCE, second)
        taken = sum(len(hands.take(webhook["id"])) for hands in two)
        took = time.monotonic() - began  # the limit allows a little more in this time
        assert 2**second <= taken <= 2 ** (second + int(took)) * (1 + took) + 1


def test_a_limited_rate_does_not_hold_up_another_webhook(
    two: tuple[Hands, Hands], ada: Api, make: Make
) -> None:
    slow = make("https://hooks.example.com/", rate_limit=1)
    quick = make("https://hooks.example.com/")
    publish(ada, *(rfp(number) for number in range(50)))
    assert [len(two[0].take(webhook["id"])) for webhook in (slow, quick)] == [1, 50]


def test_what_is_in_order_is_never_with_two_workers_at_once(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", ordered=True)
    publish(ada, *(rfp(number) for number in range(6)))
    seen = []
    for number in range(6):
        first, second = two if number % 2 else reversed(two)
        [one] = first.take(webhook["id"], room=1)
        assert second.take(webhook["id"], room=1) == []
        seen.append(one.sequence)
        first.complete(ended(one))
    assert seen == [1, 2, 3, 4, 5, 6]


SOMEBODY = Actor(ACME, "system", "system", "Publisher", frozenset({"events:publish"}))


def first_of_two_failed(hands: Hands, ada: Api, make: Make) -> tuple[str, queue.LeasedDelivery]:
    """Let the first delivery of an ordered webhook with two fail; return the webhook's id and that
    delivery."""
    webhook_id: str = make("https://hooks.example.com/", ordered=True)["id"]
    publish(ada, rfp(1), rfp(2))
    [one] = hands.take(webhook_id, room=1)
    hands.complete(ended(one, good=False))
    return webhook_id, one


def test_in_order_the_next_one_waits_for_one_that_failed(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    hands = two[0]
    webhook_id, one = first_of_two_failed(hands, ada, make)
    assert [h.take(webhook_id) for h in two] == [[], []], "nothing overtakes it"
    rows(database, "UPDATE endpoint SET not_before = now()")
    [again] = hands.take(webhook_id, room=1)
    assert (again.id, again.sequence, again.attempts) == (one.id, 1, 2)
    hands.complete(ended(again))
    [following] = hands.take(webhook_id, room=1)
    assert following.sequence == 2


def test_in_order_one_that_is_hurried_is_sent_now_and_keeps_its_place(
    two: tuple[Hands, Hands], ada: Api, make: Make
) -> None:
    hands = two[0]
    webhook_id, one = first_of_two_failed(hands, ada, make)
    waits = ada.get(f"/deliveries/{one.id}").json or {}
    assert waits["next_attempt_at"] > waits["created_at"], "and not the place in the order"
    assert ada.post(f"/deliveries/{one.id}/attempts").status_code == 202
    [again] = hands.take(webhook_id, room=1)
    assert again.id == one.id


def test_in_order_one_that_is_hurried_still_waits_if_the_receiver_asked_for_that(
    two: tuple[Hands, Hands], ada: Api, make: Make
) -> None:
    hands = two[0]
    webhook_id = make("https://hooks.example.com/", ordered=True)["id"]
    publish(ada, rfp(1))
    [one] = hands.take(webhook_id, room=1)
    minute = timedelta(minutes=1)
    hands.complete(ended(one, good=False, decision=Decision("retrying", minute, slow=minute)))
    assert ada.post(f"/deliveries/{one.id}/attempts").status_code == 202
    assert hands.take(webhook_id, room=1) == []


def test_one_that_is_hurried_waits_for_a_resume_of_its_webhook(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook_id, one = first_of_two_failed(two[0], ada, make)
    with (
        ThreadPoolExecutor() as threads,
        psycopg.connect(libpq_url(database.superuser_url)) as resume,
    ):
        resume.execute("SELECT FROM endpoint WHERE webhook_id = %s FOR UPDATE", (webhook_id,))
        hurried = threads.submit(ada.post, f"/deliveries/{one.id}/attempts")
        until(lambda: rows(database, WAITS))
        resume.execute("UPDATE delivery SET due_at = now() WHERE id = %s", (one.id,))
        resume.commit()
        assert hurried.result().status_code == 202
    [again] = two[0].take(webhook_id, room=1)
    assert again.id == one.id


def test_one_that_is_hurried_while_it_is_claimed_keeps_nobody_waiting(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook_id, one = first_of_two_failed(two[0], ada, make)
    with psycopg.connect(libpq_url(database.superuser_url)) as claim:
        claim.execute("SELECT FROM delivery WHERE id = %s FOR UPDATE", (one.id,))
        assert ada.post(f"/deliveries/{one.id}/attempts").status_code == 202
        claim.execute("UPDATE endpoint SET paid_until = now() WHERE webhook_id = %s", (webhook_id,))


def test_in_order_a_retry_comes_before_a_publication_that_began_earlier(
    app: Flask, two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    hands = two[0]
    webhook_id = make("https://hooks.example.com/", ordered=True)["id"]
    began, may_end = Event(), Event()

    def publish_slowly() -> None:
        with app.app_context(), transaction(ACME):
            events.publish(SOMEBODY, [EventInput.read(rfp(1))])
            began.set()
            may_end.wait(60)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(publish_slowly)
        assert began.wait(60)
        publish(ada, rfp(2))
        [one] = hands.take(webhook_id, room=1)
        hands.complete(ended(one, good=False))
        may_end.set()
        slow.result(60)
    rows(database, "UPDATE endpoint SET not_before = now()")
    seen = []
    for _ in range(2):
        [taken] = hands.take(webhook_id, room=1)
        seen.append(taken.sequence)
        hands.complete(ended(taken))
    assert seen == [1, 2]


def test_what_waits_for_a_retry_comes_first_from_the_moment_a_webhook_is_set_in_order(
    two: tuple[Hands, Hands], ada: Api, make: Make
) -> None:
    webhook_id = make("https://hooks.example.com/")["id"]
    publish(ada, rfp(1), rfp(2))
    hands = two[0]
    failing, late = hands.take(webhook_id)
    hands.complete(ended(failing, good=False))
    assert ada.patch(f"/webhooks/{webhook_id}", {"ordered": True}).status_code == 200
    hands.complete(ended(late, good=False))  # its attempt had begun before
    publish(ada, rfp(3))
    seen = []
    for _ in range(3):
        [one] = hands.take(webhook_id, room=1)
        seen.append(one.sequence)
        hands.complete(ended(one))
    assert seen == [1, 2, 3]


def test_what_a_dead_worker_had_of_an_ordered_webhook_comes_first_again(
    two: tuple[Hands, Hands], ada: Api, make: Make, database: Database
) -> None:
    webhook = make("https://hooks.example.com/", ordered=True)
    publish(ada, rfp(1), rfp(2), rfp(3))
    dead, alive = two
    [lost] = dead.take(webhook["id"], room=1)
    assert alive.take(webhook["id"], room=1) == [], "nothing overtakes it while it is leased"
    rows(database, "UPDATE delivery SET due_at = now() WHERE state = 'in_flight'")
    seen = []
    for _ in range(3):
        until(lambda: seen.extend(found := alive.take(webhook["id"], room=1)) or found)
        alive.complete(ended(seen[-1]))
    assert seen[0].id == lost.id
    assert [one.sequence for one in seen] == [1, 2, 3]


def test_all_that_dead_workers_had_of_a_webhook_comes_first_if_it_was_set_in_order_just_now(
    two: tuple[Hands, Hands], ada: Api, make: Make, database: Database
) -> None:
    webhook = make("https://hooks.example.com/")
    many = queue.FEW_IN_HAND + 3
    publish(ada, *(rfp(number) for number in range(many + 2)))
    dead, alive = two
    *lost, quickest = dead.take(webhook["id"], room=many)
    dead.complete(ended(quickest))
    rows(database, "UPDATE webhook SET ordered = true")
    rows(database, "UPDATE delivery SET due_at = now() WHERE state = 'in_flight'")
    seen = []
    for _ in range(len(lost) + 2):
        [one] = alive.take(webhook["id"], room=1)
        alive.complete(ended(one))
        seen.append(one.sequence)
    assert seen == [*range(1, many), many + 1, many + 2]


def test_dead_workers_had_no_more_of_a_webhook_than_is_looked_for() -> None:
    assert WIDEST * (1 + AHEAD) <= queue.MOST_IN_HAND


def test_what_a_worker_gives_back_of_an_ordered_webhook_comes_first_again(
    two: tuple[Hands, Hands], ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", ordered=True)
    publish(ada, rfp(1), rfp(2), rfp(3))
    ending, staying = two
    [given] = ending.take(webhook["id"], room=1)
    ending.run(queue.give_back(ending.connection, [given]))
    [taken] = staying.take(webhook["id"], room=1)
    assert (taken.id, taken.sequence, taken.attempts) == (given.id, 1, 1)


def test_a_lapsed_delivery_that_is_being_recorded_keeps_no_worker_waiting(
    two: tuple[Hands, Hands], database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/", ordered=True)
    publish(ada, rfp(1), rfp(2))
    slow, other = two
    [late] = slow.take(webhook["id"], room=1)
    rows(database, "UPDATE delivery SET due_at = now() WHERE state = 'in_flight'")
    lock = "SELECT FROM delivery WHERE id = %s FOR UPDATE"
    with psycopg.connect(libpq_url(database.superuser_url)) as recording:
        recording.execute(lock, (late.id,))
        assert other.take(webhook["id"], room=1) == []
    [again] = other.take(webhook["id"], room=1)
    assert again.id == late.id


def test_a_receiver_gets_in_order_what_two_workers_deliver(
    app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"), ordered=True)
    published = [event["id"] for event in publish(ada, *(rfp(number) for number in range(30)))]
    with delivering(app), delivering(app):
        until(lambda: len(receiver.mail("crm")) == 30)
    heads = [
        {name.lower(): value for name, value in mail["headers"].items()}
        for mail in reversed(receiver.mail("crm"))
    ]
    assert [head["webhook-id"] for head in heads] == published
    assert [head["cpod-sequence"] for head in heads] == [str(n) for n in range(1, 31)]
    assert webhook["ordered"] is True


def test_workers_know_of_each_other(app: Flask) -> None:
    with delivering(app) as one:
        until(lambda: one.lanes.widest == 64)
        with delivering(app) as other:
            until(lambda: (one.lanes.widest, other.lanes.widest) == (32, 32))
        until(lambda: one.lanes.widest == 64)
