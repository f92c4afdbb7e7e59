"""Moments at which recording must be right to repeat, or must leave nothing behind."""

from flask import Flask

from tests.cast import Api
from tests.databases import Database
from tests.webhooks.conftest import Make
from tests.webhooks.kit import Hands, ended, rows
from tests.webhooks.test_engine import publish, rfp


def test_what_was_recorded_may_be_recorded_again(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    """A database that dies after its commit and before its answer: the worker says it again."""
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        [taken] = hands.take(webhook["id"])
        done = ended(taken)
        hands.complete(done)
        hands.complete(done)
    [attempts] = rows(database, "SELECT count(*) FROM delivery_attempt")
    assert attempts["count"] == 1


def test_what_was_erased_on_its_way_is_not_written_down_afterwards(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1, subject="ann"), rfp(2, subject="bob"))
    with Hands(database) as hands:
        taken = hands.take(webhook["id"])
        assert ada.post("/events/erasures", {"subject": "ann"}).json == {"events": 1}
        hands.complete(*(ended(one) for one in taken))
    bodies = [row["request_body"] for row in rows(database, "SELECT * FROM delivery_attempt")]
    assert ['"number": 2' in body for body in bodies] == [True]
