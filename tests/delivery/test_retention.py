"""Test that nothing is stored for longer than a tenant wants, and that expired deliveries are
reported."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.delivery import partitions
from portal.events import service as events
from portal.events import settings
from tests.cast import ACME, ADA, Api, Pages
from tests.databases import Database
from tests.delivery.crashes.test_takeover import being_recorded
from tests.delivery.test_engine import deliveries, delivering, publish, rfp, until
from tests.keeping import keep_house
from tests.webhooks.conftest import Make, Receiver
from tests.webhooks.kit import Hands, ended, rows
from tests.webhooks.test_webhooks import everything_written

SINCE = "created_at - make_interval(days => {days})"
OLDER = (
    """
    UPDATE delivery_attempt a SET created_at = a.created_at - make_interval(days => {days}),
        delivery_id = ulid_floor('dlv', d.{since}) || right(d.id, 16),
        event_id = ulid_floor('evt', d.{since}) || right(d.event_id, 16)
    FROM delivery d WHERE d.id = a.delivery_id
    """,
    """
    UPDATE delivery SET created_at = {since},
        id = ulid_floor('dlv', {since}) || right(id, 16),
        event_id = ulid_floor('evt', {since}) || right(event_id, 16)
    """,
    """
    UPDATE event SET received_at = received_at - make_interval(days => {days}),
        id = ulid_floor('evt', received_at - make_interval(days => {days})) || right(id, 16)
    """,
)


def days_pass(database: Database, days: int) -> None:
    """Make everything that was published so many days older."""
    for statement in OLDER:
        rows(database, statement.format(days=days, since=SINCE.format(days=days)))


@pytest.fixture
def week(ada: Api) -> None:
    wanted = {"retention_days": 7, "redacted_fields": []}
    assert ada.call("PUT", "/event-settings", json=wanted).status_code == 200


def kept(database: Database) -> dict[str, int]:
    names = ("event", "delivery", "delivery_attempt")
    return {name: rows(database, f"SELECT count(*) AS n FROM {name}")[0]["n"] for name in names}


@pytest.mark.usefixtures("week")
def test_a_tenants_events_deliveries_and_attempts_end_when_it_says(
    app: Flask, database: Database, ada: Api, gus: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    publish(gus, rfp(1))
    with Hands(database) as hands:
        hands.complete(*(ended(one) for one in hands.take(webhook["id"])))
    days_pass(database, 6)
    keep_house(app, database)
    assert kept(database) == {"event": 3, "delivery": 2, "delivery_attempt": 2}
    days_pass(database, 2)
    keep_house(app, database)
    assert kept(database) == {"event": 1, "delivery": 0, "delivery_attempt": 0}
    assert len(gus.get("/events").json["items"]) == 1, "who keeps them for a month has them"


@pytest.mark.usefixtures("week")
def test_a_job_goes_on_until_nothing_old_is_left(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (settings, partitions):
        monkeypatch.setattr(module, "FORGOTTEN_AT_ONCE", 3)
    webhook = make("https://hooks.example.com/")
    publish(ada, *(rfp(number) for number in range(10)))
    ada.post(f"/webhooks/{webhook['id']}/pause")
    days_pass(database, 7)
    keep_house(app, database)
    assert {one["state"] for one in deliveries(ada, webhook)} == {"expired"}
    days_pass(database, 2)
    keep_house(app, database)
    assert kept(database) == {"event": 0, "delivery": 0, "delivery_attempt": 0}


@pytest.mark.usefixtures("week")
def test_what_was_sent_again_late_goes_with_its_event(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    with Hands(database) as hands:
        hands.complete(*(ended(one) for one in hands.take(webhook["id"])))
        days_pass(database, 6)
        [old] = deliveries(ada, webhook)
        assert ada.post(f"/deliveries/{old['id']}/redeliveries").status_code == 201
        hands.complete(*(ended(one) for one in hands.take(webhook["id"])))
    assert kept(database) == {"event": 1, "delivery": 2, "delivery_attempt": 2}
    late = "UPDATE event SET id = ulid_floor('evt', now() - interval '8 days') || right(id, 16)"
    rows(database, late + ", received_at = now() - interval '8 days'")
    rows(database, "UPDATE delivery SET event_id = (SELECT id FROM event)")
    rows(database, "UPDATE delivery_attempt SET event_id = (SELECT id FROM event)")
    keep_house(app, database)
    assert kept(database) == {"event": 0, "delivery": 0, "delivery_attempt": 0}


@pytest.mark.usefixtures("week")
def test_what_expires_waits_for_a_resume_before_it_has_locked_anything_that_this_needs(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    assert ada.post(f"/webhooks/{webhook['id']}/pause").status_code == 200
    publish(ada, rfp(1))
    days_pass(database, 7)
    expiring = Thread(target=keep_house, args=(app, database))
    with psycopg.connect(libpq_url(database.superuser_url)) as resuming:
        resuming.execute("SELECT FROM endpoint FOR UPDATE")
        expiring.start()
        until(lambda: database.waiting("%endpoint%"))
        resuming.execute("SELECT FROM delivery FOR UPDATE NOWAIT")
    expiring.join()
    assert [one["state"] for one in deliveries(ada, webhook)] == ["expired"]


@pytest.mark.usefixtures("week")
def test_what_a_worker_has_locked_expires_later(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2))
    days_pass(database, 7)
    oldest, _ = (row["id"] for row in rows(database, "SELECT id FROM delivery ORDER BY id"))
    with being_recorded(database, oldest):
        keep_house(app, database)
    assert [one["state"] for one in deliveries(ada, webhook)] == ["expired", "pending"]
    days_pass(database, 2)
    keep_house(app, database)
    assert [one["state"] for one in deliveries(ada, webhook)] == []


@pytest.mark.usefixtures("week")
def test_what_was_held_for_too_long_is_counted_and_told(
    app: Flask,
    database: Database,
    ada: Api,
    browse: Callable[..., Pages],
    make: Make,
    receiver: Receiver,
) -> None:
    make(receiver.hook("ops"), event_types=["webhook.expired"])
    webhook = make("https://hooks.example.com/", name="CRM")
    path = f"/webhooks/{webhook['id']}"
    assert ada.post(f"{path}/pause").status_code == 200
    publish(ada, *(rfp(number) for number in range(3)))
    days_pass(database, 7)
    publish(ada, rfp(3))
    keep_house(app, database)
    states = sorted(one["state"] for one in deliveries(ada, webhook))
    assert states == ["expired", "expired", "expired", "held"], "seen for a day"
    page = browse(ADA).get(f"{path}/health").text
    assert "Given up: 3 deliveries" in page
    with delivering(app):
        [mail] = until(lambda: receiver.mail("ops"))
    assert '"expired": 3' in mail["body"]
    keep_house(app, database)
    assert "Given up: 3 deliveries" in browse(ADA).get(f"{path}/health").text, "each counts once"
    assert browse(ADA).get(f"{path}/history").text.count("expired") >= 1


@pytest.mark.usefixtures("week")
def test_what_is_on_its_way_is_not_given_up(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    days_pass(database, 7)
    with Hands(database) as hands:
        [taken] = hands.take(webhook["id"])
        keep_house(app, database)
        hands.complete(ended(taken))
    [one] = deliveries(ada, webhook)
    assert one["state"] == "delivered"


@pytest.mark.usefixtures("week")
def test_an_id_from_a_machine_with_a_wrong_clock_loses_nothing(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    days_pass(database, 400)
    for table, column in (("delivery", "created_at"), ("event", "received_at")):
        rows(database, f"UPDATE {table} SET {column} = now()")
    keep_house(app, database)
    with Hands(database) as hands:
        assert len(hands.take(webhook["id"])) == 1


ANN = "ann.unmistakable@acme.example"
OF_ANN = {"subject": ANN, "data": {"customer": "Ann Unmistakable"}}


def test_after_an_erasure_nothing_of_the_subject_is_in_the_database(
    database: Database, ada: Api, make: Make
) -> None:
    """Check also attempts, redeliveries, deliveries in flight, and stored responses of the API."""
    webhook = make("https://hooks.example.com/")
    publish(ada, *({"type": "rfp.created", **OF_ANN} for _ in range(3)))
    with Hands(database) as hands:
        first, second, third = hands.take(webhook["id"])
        hands.complete(ended(first), ended(second, good=False))
        for one, key in ((first, "again"), (second, "now")):
            what = "redeliveries" if key == "again" else "attempts"
            done = ada.post(f"/deliveries/{one.id}/{what}", headers={"Idempotency-Key": key})
            assert done.status_code in (201, 202), done.text
        window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
        assert ada.post(f"/webhooks/{webhook['id']}/replays", window).status_code == 201
        assert "nmistakable" in everything_written(database)
        assert ada.post("/events/erasures", {"subject": ANN}).json == {"events": 3, "more": False}
        assert "nmistakable" not in everything_written(database)
        hands.complete(ended(third))
    assert "nmistakable" not in everything_written(database)


def test_an_answer_that_is_kept_for_a_retry_does_not_outlive_its_events(
    database: Database, ada: Api
) -> None:
    """Check that a retry is answered anew, because the kept answer has the publisher's id."""

    def asked(event: dict[str, Any]) -> Any:
        return ada.post("/events", event, headers={"Idempotency-Key": event["id"][:3]})

    of_ann = {"type": "rfp.created", "id": ANN, **OF_ANN}
    of_bob = {"type": "rfp.created", "id": "bob", "subject": "bob"}
    assert {asked(of_ann).status_code, asked(of_bob).status_code} == {202}
    assert "nmistakable" in everything_written(database)
    assert ada.post("/events/erasures", {"subject": ANN}).json["events"] == 1
    assert "nmistakable" not in everything_written(database)
    assert "Idempotency-Replayed" not in asked(of_ann).headers
    assert "Idempotency-Replayed" in asked(of_bob).headers


def test_an_application_erases_only_what_it_sees(ada: Api) -> None:
    crm, shop = (_publisher(ada, name) for name in ("CRM", "Shop"))
    subject = {"type": "rfp.created", "subject": "ann"}
    again = {"Idempotency-Key": "one"}
    assert crm.post("/events", subject, headers=again).status_code == 202
    assert shop.post("/events", subject).status_code == 202
    assert shop.post("/events/erasures", {"subject": "ann"}).json == {"events": 1, "more": False}
    assert shop.post("/events/erasures", {"subject": "ann"}).json == {"events": 0, "more": False}
    assert [one["app_id"] for one in ada.get("/events").json["items"]] == ["crm"]
    assert "Idempotency-Replayed" in crm.post("/events", subject, headers=again).headers
    assert ada.post("/events/erasures", {"subject": "ann"}).json == {"events": 1, "more": False}


def _publisher(ada: Api, name: str) -> Api:
    """Return a key of a new application that publishes, reads and erases events."""
    application = ada.create("applications", display_name=name, slug=name.lower())
    scopes = ["events:publish", "events:read", "webhooks:write"]
    key = ada.create("api-keys", application_id=application["id"], scopes=scopes)["key"]
    return Api(ada.client, key)


@pytest.mark.usefixtures("week")
def test_what_outlives_its_event_does_not_say_whose_it_was(
    app: Flask, database: Database, ada: Api, make: Make
) -> None:
    """Check that the subject is removed, because an erasure goes by events and would not find
    it."""
    webhook = make("https://hooks.example.com/")
    publish(ada, {"type": "rfp.created", **OF_ANN})
    ada.post(f"/webhooks/{webhook['id']}/pause")
    days_pass(database, 7)
    keep_house(app, database)
    [one] = deliveries(ada, webhook)
    assert one["state"] == "expired"
    assert kept(database)["event"] == 0
    assert "nmistakable" not in everything_written(database)


def test_erasing_says_whether_there_is_more(
    app: Flask, ada: Api, browse: Callable[..., Pages], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "ERASED_AT_ONCE", 3)
    webhook = make("https://hooks.example.com/")
    publish(ada, *(rfp(number, subject="ann") for number in range(7)), rfp(7, subject="bob"))

    def erase() -> Any:
        return ada.post("/events/erasures", {"subject": "ann"}).json

    assert erase() == {"events": 3, "more": True}
    seen = browse(ADA).post(
        "/events/erasures", {"subject": "ann", "confirm": "ann"}, follow_redirects=True
    )
    assert "3 events are erased, and there are more" in seen.text
    assert erase() == {"events": 1, "more": False}
    assert erase() == {"events": 0, "more": False}
    assert [one["subject"] for one in deliveries(ada, webhook)] == ["bob"]


SENDING = f"hashtextextended('sending again {ACME}', 0)"
AGAIN = """
INSERT INTO delivery (tenant_id, id, webhook_id, event_id, event_type, subject, origin)
SELECT tenant_id, left(id, 20) || '0000000AGA1N', webhook_id, event_id, event_type, subject,
    'redelivery' FROM delivery
"""
WAITING = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


def test_nothing_is_sent_again_while_events_are_erased(
    ada: Api, database: Database, make: Make
) -> None:
    webhook = make("https://hooks.example.com/")
    publish(ada, rfp(1))
    [one] = deliveries(ada, webhook)
    window = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as erasure:
        erasure.execute(f"SELECT pg_advisory_lock({SENDING})")
        for refused in (
            ada.post(f"/deliveries/{one['id']}/redeliveries"),
            ada.post(f"/webhooks/{webhook['id']}/replays", window),
        ):
            assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")


def test_an_erasure_waits_for_what_is_being_sent_again(
    ada: Api, database: Database, make: Make
) -> None:
    make("https://hooks.example.com/")
    publish(ada, {"type": "rfp.created", **OF_ANN})
    with psycopg.connect(libpq_url(database.superuser_url)) as sender:
        sender.execute(f"SELECT pg_advisory_xact_lock_shared({SENDING})")
        sender.execute(AGAIN)
        erasure = Thread(target=ada.post, args=("/events/erasures", {"subject": ANN}))
        erasure.start()
        until(lambda: sender.execute(WAITING).rowcount == 1)
        sender.commit()
        erasure.join()
    assert "nmistakable" not in everything_written(database)


PATIENT = """
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF current_setting('statement_timeout') <> '30s' THEN RAISE EXCEPTION 'in a hurry'; END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER look BEFORE DELETE ON event FOR EACH ROW EXECUTE FUNCTION look()
"""
ALONE = f"SELECT pg_advisory_lock(hashtextextended('erasure {ACME}', 0))"


def test_an_erasure_has_time_and_is_the_only_one_of_its_tenant(
    ada: Api, database: Database
) -> None:
    """An event may have very many deliveries."""
    ada.post("/events", {"type": "rfp.created", "subject": "ann", "data": {}})
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as other:
        other.execute(ALONE)
        refused = ada.post("/events/erasures", {"subject": "ann"})
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    database.sql(PATIENT)
    try:
        assert ada.post("/events/erasures", {"subject": "ann"}).json["events"] == 1
    finally:
        database.sql("DROP FUNCTION look CASCADE")


def test_a_webhook_is_purged_with_its_deliveries(
    app: Flask, database: Database, ada: Api, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tenant may keep deliveries for longer than a deleted webhook. Nobody could open them."""
    monkeypatch.setattr(partitions, "FORGOTTEN_AT_ONCE", 2)
    other, webhook = make("https://other.example.com/"), make("https://hooks.example.com/")
    publish(ada, rfp(1), rfp(2), rfp(3))
    with Hands(database) as hands:
        hands.complete(*(ended(one) for one in hands.take(webhook["id"])))
    ada.delete(f"/webhooks/{webhook['id']}")
    rows(database, "UPDATE webhook SET deleted_at = now() - interval '31 days' WHERE is_deleted")
    kept_webhooks = "SELECT id FROM webhook"
    keep_house(app, database)
    assert len(rows(database, kept_webhooks)) == 2, "one delivery is left for the next run"
    keep_house(app, database)
    assert [one["id"] for one in rows(database, kept_webhooks)] == [other["id"]]
    listed = ada.get("/deliveries").json["items"]
    assert {one["webhook_id"] for one in listed} == {other["id"]}
    assert len(listed) == 3
    assert kept(database)["delivery_attempt"] == 0
