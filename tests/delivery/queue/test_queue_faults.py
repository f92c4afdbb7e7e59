"""Test records that are repeated, and records that must leave nothing behind."""

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.delivery.queue import queue
from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import deliveries, delivering, publish, rfp, until
from tests.webhooks.conftest import Make
from tests.webhooks.kit import PATIENT, Gate, Hands, ended, rows, sinks


def test_what_was_recorded_may_be_recorded_again(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    """Repeat a record, as a worker does if the database dies after the commit and before its
    answer."""
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [taken] = hands.take(webhook["id"])
        done = ended(taken)
        hands.complete(done)
        hands.complete(done)
    [attempts] = rows(database, "SELECT count(*) FROM delivery_attempt")
    assert attempts["count"] == 1


def test_a_failure_that_is_recorded_again_counts_once(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    with Hands(database) as hands:
        first, second = (ended(one, good=False) for one in hands.take(webhook["id"]))
        hands.complete(first)
        hands.complete(first, second)
    shown = ada.get(f"/webhooks/{webhook['id']}").json
    assert shown["consecutive_failures"] == 2


def test_a_failure_of_a_lease_that_ran_out_is_the_next_workers_to_count(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [late] = hands.take(webhook["id"])
        rows(database, "UPDATE delivery SET due_at = now()")
        [taken] = hands.take(webhook["id"])
        hands.complete(ended(taken))
        hands.complete(ended(late, good=False))
    shown = ada.get(f"/webhooks/{webhook['id']}").json
    assert (shown["consecutive_failures"], shown["last_delivery_status"]) == (0, "delivered")


def test_what_another_took_meanwhile_is_not_given_back(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [late] = hands.take(webhook["id"])
        rows(database, "UPDATE delivery SET due_at = now()")
        [taken] = hands.take(webhook["id"])
        hands.run(queue.give_back(hands.connection, [late]))
        [kept] = rows(database, "SELECT state, token, attempts FROM delivery")
        assert kept == {"state": "in_flight", "token": taken.token, "attempts": 2}


def test_what_has_ended_is_not_given_back(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    with Hands(database) as hands:
        good, bad = hands.take(webhook["id"])
        hands.complete(ended(good), ended(bad, good=False))
        ends = "SELECT id, state, due_at, attempts FROM delivery ORDER BY id"
        recorded = rows(database, ends)
        hands.run(queue.give_back(hands.connection, [good, bad]))
        assert rows(database, ends) == recorded


def test_what_was_erased_on_its_way_is_not_written_down_afterwards(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1, subject="ann"), rfp(2, subject="bob"))
    with Hands(database) as hands:
        taken = hands.take(webhook["id"])
        assert ada.post("/events/erasures", {"subject": "ann"}).json["events"] == 1
        hands.complete(*(ended(one) for one in taken))
    kept = database.sql(
        "SELECT json_agg(event.subject) FROM delivery_attempt"
        " LEFT JOIN event ON event.id = delivery_attempt.event_id"
    )
    assert kept == ["bob"]


def test_a_record_that_is_refused_for_a_lock_is_repeated_and_holds_up_no_other_tenant(
    app: Flask,
    database: Database,
    ada: Api,
    gus: Api,
    make: Make,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gate, said = Gate(), list[str]()

    def is_said(words: str) -> bool:
        said.append(capfd.readouterr().out)
        return words in "".join(said)

    with sinks(gate.behave) as [port], delivering(app):
        webhook = make(f"http://127.0.0.1:{port}/", retry_policy=PATIENT)
        others = gus.create("webhooks", url=f"http://127.0.0.1:{port}/", event_types=["*"])
        for one in (ada, gus):
            publish(one, rfp(1))
        until(lambda: gate.waiting == 2)
        with psycopg.connect(libpq_url(database.superuser_url)) as other:
            locked = "SELECT FROM delivery WHERE webhook_id = %s FOR UPDATE"
            other.execute(locked, (webhook["id"],))
            gate.open()
            until(lambda: [d["state"] for d in deliveries(gus, others)] == ["delivered"])
            assert [d["state"] for d in deliveries(ada, webhook)] == ["in_flight"]
            until(lambda: is_said("recording again"))
        until(lambda: [d["state"] for d in deliveries(ada, webhook)] == ["delivered"])
    assert not is_said("database away")
    assert len(gate.heads) == 2
