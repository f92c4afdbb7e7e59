"""Test that the engine warns about, pauses, probes and resumes a webhook; nothing is dropped."""

from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from tests.cast import Api
from tests.databases import Database
from tests.delivery.test_engine import deliveries, delivering, publish, rfp, until
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Gate, sinks


@pytest.fixture
def clock(database: Database) -> Any:
    """Return a function that moves times in the database into the past, instead of waiting."""

    def move(statement: str) -> None:
        with psycopg.connect(libpq_url(database.superuser_url)) as connection:
            connection.execute(statement)

    return move


HOUR_AGO = "UPDATE endpoint SET failing_since = failing_since - interval '1 hour'"
DUE = "UPDATE delivery SET due_at = now() WHERE state = 'retrying'"
PROBE = "UPDATE endpoint SET next_probe_at = now() WHERE next_probe_at IS NOT NULL"


def test_a_receiver_that_fails_for_long_is_paused_and_resumed_when_it_works(
    app: Flask, clock: Any, ada: Api, make: Make, receiver: Receiver
) -> None:
    watcher = make(receiver.hook("ops"), event_types=["webhook.*"], filter={"name": "Failing"})
    webhook = make(receiver.hook("crm", "?status=500"), name="Failing")
    path = f"/webhooks/{webhook['id']}"

    def shown() -> dict[str, Any]:
        return dict(ada.get(path).json)

    with delivering(app):
        publish(ada, *(rfp(n) for n in range(9)))
        until(lambda: shown()["consecutive_failures"] == 9)
        assert shown()["paused_at"] is None, "many failures of one moment are no reason"
        clock(HOUR_AGO)
        publish(ada, rfp(9))
        until(lambda: shown()["pause_reason"] == "failing")
        publish(ada, rfp(10), rfp(11))
        until(lambda: {d["state"] for d in deliveries(ada, webhook)} == {"held"})
        assert ada.get(f"{path}/backlog").json["held"] == 12

        assert ada.patch(path, {"url": receiver.hook("crm")}).status_code == 200
        for good in range(1, 4):
            clock(PROBE)
            until(lambda wanted=good: len(receiver.mail("crm")) >= 10 + wanted)
        until(lambda: shown()["paused_at"] is None)
        clock("UPDATE endpoint SET resumed_at = now() - interval '1 minute'")
        until(lambda: {d["state"] for d in deliveries(ada, webhook)} == {"delivered"}, 15)
        said = {mail["type"] for mail in receiver.mail("ops")}
        assert {"webhook.paused", "webhook.recovered"} <= said, watcher["id"]


def test_one_dead_receiver_does_not_hold_up_another(
    app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    dead = Gate()
    quick = make(receiver.hook("quick"), event_types=["quick.*"])
    with sinks(dead.behave) as [port]:
        make(f"http://127.0.0.1:{port}/", event_types=["slow.*"])
        with delivering(app):
            publish(ada, *({"type": "slow.one"} for _ in range(3)))
            until(lambda: dead.waiting)
            publish(ada, {"type": "quick.one"})
            # A request to the dead one ends after ten seconds at the earliest.
            until(lambda: [d["state"] for d in deliveries(ada, quick)] == ["delivered"], 8)
            assert dead.waiting
            dead.open()


@pytest.mark.parametrize("way", ["redelivery", "replay"])
def test_the_newest_of_a_subject_is_not_an_old_event_that_was_sent_again_meanwhile(
    way: str, app: Flask, ada: Api, make: Make, receiver: Receiver
) -> None:
    webhook = make(receiver.hook("crm"))
    path = f"/webhooks/{webhook['id']}"
    with delivering(app):
        [event] = publish(ada, rfp(1, subject="a"))
        [old] = until(lambda: [d for d in deliveries(ada, webhook) if d["state"] == "delivered"])
    ada.post(f"{path}/pause")
    [new] = publish(ada, rfp(2, subject="a"))
    if way == "redelivery":
        again = ada.post(f"/deliveries/{old['id']}/redeliveries")
    else:
        received_at = ada.get(f"/events/{new['id']}").json["received_at"]
        period = {"from": "2020-01-01T00:00:00Z", "to": received_at}
        again = ada.post(f"{path}/replays", {**period, "what": "all"})
    assert again.status_code == 201, again.text
    assert ada.post(f"{path}/resume", {"choice": "newest_per_subject"}).status_code == 200
    states = {(one["event_id"], one["origin"]): one["state"] for one in deliveries(ada, webhook)}
    assert states == {
        (event["id"], "event"): "delivered",
        (event["id"], way): "cancelled",
        (new["id"], "event"): "pending",
    }


@pytest.mark.parametrize("choice", ["newest_per_subject", "skip_before"])
def test_what_a_resume_leaves_out_is_not_retried(
    choice: str, app: Flask, ada: Api, make: Make
) -> None:
    gate = Gate(answer=b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
    with sinks(gate.behave) as [port]:
        webhook = make(f"http://127.0.0.1:{port}/")
        with delivering(app):
            [old] = publish(ada, rfp(1, subject="a"))
            until(lambda: gate.waiting)
            ada.post(f"/webhooks/{webhook['id']}/pause")
            publish(ada, rfp(2, subject="a"))
            resumed = ada.post(f"/webhooks/{webhook['id']}/resume", {"choice": choice})
            assert resumed.status_code == 200, resumed.text
            gate.open()
            states = until(
                lambda: [
                    one["state"]
                    for one in deliveries(ada, webhook)
                    if one["event_id"] == old["id"] and one["state"] != "in_flight"
                ]
            )
    assert states == ["cancelled"]
