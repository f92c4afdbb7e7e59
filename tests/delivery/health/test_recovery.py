"""Test that a paused webhook recovers by itself once its receiver works, and that people are
notified."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.cast import ADA, Api, Pages
from tests.databases import Database
from tests.delivery.test_engine import deliveries, delivering, header, publish, rfp, until
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import rows

PROBE = "UPDATE endpoint SET next_probe_at = now() WHERE next_probe_at IS NOT NULL"
TRIED = """
SELECT CASE WHEN recovered_at IS NOT NULL THEN 3 ELSE probes + good_probes END AS tried
FROM endpoint
"""
PAUSE = """
UPDATE webhook SET paused_at = now(), pause_reason = 'failing', consecutive_failures = 12
WHERE id = %s
"""
PAUSED = """
INSERT INTO endpoint (tenant_id, webhook_id, next_probe_at)
SELECT tenant_id, id, now() + interval '1 hour' FROM webhook WHERE id = %s
"""


@pytest.fixture
def paused(database: Database, make: Make, receiver: Receiver) -> dict[str, Any]:
    """Return a webhook that was paused automatically, and has no held deliveries."""
    webhook = make(receiver.hook("crm"), name="CRM")
    receiver.learn("crm", webhook["signing_secret"])
    for statement in (PAUSE, PAUSED):
        rows(database, statement, webhook["id"])
    return webhook


def probe(database: Database, number: int) -> None:
    """Make the probe with this number due, and wait until the engine has recorded its result. On a
    busy machine it may have been due by itself, five seconds after the one before."""
    rows(database, PROBE)
    until(lambda: rows(database, TRIED)[0]["tried"] >= number)


def test_one_that_nothing_is_held_for_is_tried_with_pings_and_resumes(
    app: Flask, database: Database, ada: Api, paused: dict[str, Any], receiver: Receiver
) -> None:
    with delivering(app):
        for number in range(1, 4):
            probe(database, number)
        until(lambda: ada.get(f"/webhooks/{paused['id']}").json["paused_at"] is None)
    assert {mail["type"] for mail in receiver.mail("crm")} == {"webhook.ping"}
    assert all(mail["verified"] for mail in receiver.mail("crm"))
    assert len({header(mail, "webhook-id") for mail in receiver.mail("crm")}) == 3
    assert {one["origin"] for one in deliveries(ada, paused)} == {"probe"}


def test_no_ping_before_its_time_or_beside_what_is_held(
    app: Flask, database: Database, ada: Api, paused: dict[str, Any], receiver: Receiver
) -> None:
    other = receiver.hook("marker")
    with delivering(app) as engine:
        engine_has_looked(app, engine)
        assert deliveries(ada, paused) == []
        [held] = publish(ada, rfp(1))
        rows(database, PROBE)
        until(lambda: receiver.mail("crm"))
        engine_has_looked(app, engine)
    assert {header(mail, "webhook-id") for mail in receiver.mail("crm")} == {held["id"]}, other


def engine_has_looked(app: Flask, engine: Any) -> None:
    """Wait until the engine has searched for silent endpoints once more."""
    before = engine._look_at
    until(lambda: engine._look_at > before)


def test_a_ping_goes_to_the_paused_one_alone(
    app: Flask,
    database: Database,
    ada: Api,
    make: Make,
    paused: dict[str, Any],
    receiver: Receiver,
) -> None:
    everything = make(receiver.hook("all"), event_types=["*"])
    with delivering(app):
        rows(database, PROBE)
        until(lambda: receiver.mail("crm"))
        publish(ada, rfp(1))
        until(lambda: receiver.mail("all"))
    assert [one["event_type"] for one in deliveries(ada, everything)] == ["rfp.created"]


def test_while_it_fails_the_same_ping_is_tried_again(
    app: Flask, database: Database, ada: Api, paused: dict[str, Any], receiver: Receiver
) -> None:
    path = f"/webhooks/{paused['id']}"
    assert ada.patch(path, {"url": receiver.hook("crm", "?status=500")}).status_code == 200
    with delivering(app):
        for number in range(1, 4):
            probe(database, number)
    assert ada.get(path).json["paused_at"] is not None
    [one] = deliveries(ada, paused)
    assert (one["attempts"], one["state"]) == (3, "held")


def test_its_people_are_told_on_the_overview(
    app: Flask,
    database: Database,
    ada: Api,
    browse: Callable[..., Pages],
    paused: dict[str, Any],
    receiver: Receiver,
) -> None:
    assert "Paused since" in browse(ADA).get("/").text
    with delivering(app):
        for number in range(1, 4):
            probe(database, number)
        until(lambda: ada.get(f"/webhooks/{paused['id']}").json["paused_at"] is None)
    shown = browse(ADA).get("/").text
    assert "works again" in shown
    assert "Paused since" not in shown
    rows(database, "UPDATE endpoint SET recovered_at = recovered_at - interval '25 hours'")
    assert "works again" not in browse(ADA).get("/").text


def test_one_that_was_resumed_by_hand_has_not_recovered(
    ada: Api, browse: Callable[..., Pages], paused: dict[str, Any]
) -> None:
    assert ada.post(f"/webhooks/{paused['id']}/resume").status_code == 200
    assert "works again" not in browse(ADA).get("/").text
