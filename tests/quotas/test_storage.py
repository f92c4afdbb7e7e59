"""The worker measures stored bytes, and whatever stores more of them stops at the limit."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME, GLOBEX
from werkzeug.test import TestResponse

from portal.core.config import libpq_url
from portal.database.session import transaction
from portal.inbound import review
from portal.records import idempotency
from portal.records.quotas import stored_bytes
from tests.cast import Api
from tests.databases import Database
from tests.front.kit import until
from tests.inbound.test_inbound import SECRET, github, knock, make, received

LARGE = {"type": "rfp.created", "data": {"text": "".join(map(chr, range(0x4E00, 0x5E00)))}}

# The first 14 characters of an id hold the time.
TWO_MINUTES_AGO = """
UPDATE {table} SET id = left(ulid_floor('{prefix}', now() - interval '2 minutes'), 14)
    || substr(id, 15)
WHERE id >= ulid_floor('{prefix}', now() - interval '1 minute')
"""


@pytest.fixture
def measure(app: Flask, database: Database):
    """Return `measure()`, which runs the worker's job a minute later and returns the sum."""

    def run(tenant: str = ACME) -> int:
        for prefix, table in (("evt", "event"), ("inr", "inbound_request")):
            database.sql(TWO_MINUTES_AGO.format(prefix=prefix, table=table))
        database.sql(
            "UPDATE idempotency_key SET created_at = created_at - interval '2 minutes'"
            " WHERE created_at > now() - interval '1 minute'"
        )
        with app.app_context():
            more = True
            while more:
                with transaction(tenant):
                    more = stored_bytes.measure(tenant)
        app.extensions["portal.room"].forget()
        return int(database.sql("SELECT bytes FROM quota_stored WHERE tenant_id = %s", tenant))

    return run


def used(api) -> dict:
    items = api.get("/quotas").json["items"]
    return next(one for one in items if one["name"] == "stored_bytes")


def test_what_is_published_is_measured_once(ada, measure):
    assert used(ada)["used"] is None
    assert measure() == 0
    ada.post("/events", LARGE)
    one = measure()
    assert one > 4_000
    assert measure() == one
    ada.post("/events", LARGE)
    assert measure() == pytest.approx(2 * one, rel=0.1)
    assert used(ada)["used"] == measure()
    assert used(ada)["counted_at"] is not None


def test_answers_kept_for_retries_are_measured_and_fill_no_disk(ada, measure, set_quota, database):
    """The same events again and again, each time with another key, store nothing but answers."""
    events = [{"type": "rfp.created", "id": f"{n}-{secrets.token_hex(90)}"} for n in range(200)]
    is_due = f"SELECT count(*) FROM due_measurements('', 100) AS due WHERE due = '{ACME}'"

    def publish_again() -> TestResponse:
        return ada.post("/events", events, headers={"Idempotency-Key": secrets.token_hex(8)})

    assert publish_again().status_code == 202
    one = measure()
    for _ in range(5):
        assert publish_again().status_code == 202
    assert database.sql(is_due) == 0, "they are of the last minute"
    database.sql("UPDATE idempotency_key SET created_at = created_at - interval '2 minutes'")
    assert database.sql(is_due) == 1
    much = measure()
    assert much - one > 5 * 200 * 200
    assert measure() == much
    assert database.sql(is_due) == 0
    assert database.sql("SELECT count(*) FROM event") == 200
    set_quota("--stored-bytes", str(much))
    refused = publish_again()
    assert (refused.status_code, refused.json["quota"]) == (409, "stored_bytes")


def test_it_is_measured_a_piece_at_a_time(ada, measure, monkeypatch):
    ada.post("/events", [LARGE] * 5)
    monkeypatch.setattr(stored_bytes, "AT_ONCE", 2)
    assert measure() > 5 * 4_000


def test_a_tenant_that_is_full_publishes_nothing_more(ada, gus, measure, set_quota, database):
    set_quota("--stored-bytes", "5000")
    ada.post("/events", [LARGE] * 2)
    stored = measure()

    refused = ada.post("/events", LARGE)

    assert (refused.status_code, refused.json["code"]) == (409, "quota_reached")
    assert refused.json["quota"] == "stored_bytes"
    assert (refused.json["used"], refused.json["limit"]) == (stored, 5000)
    assert database.sql("SELECT count(*) FROM event WHERE tenant_id = %s", ACME) == 2
    assert measure(GLOBEX) == 0
    assert gus.post("/events", LARGE).status_code == 202
    assert used(ada)["state"] == "reached"


def test_a_sender_is_asked_to_come_back(ada, measure, set_quota, app):
    inbound = make(ada)
    set_quota("--stored-bytes", "1")
    ada.post("/events", LARGE)
    measure()
    body = b'{"ref": "refs/heads/main"}'
    answer = knock(app.test_client(), inbound["inbound_url"], body, github(body))
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 60


PERIOD = {"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "what": "all"}
STORING: dict[str, tuple[str, dict[str, Any]]] = {
    "a lab delivery": ("/webhooks/{webhook}/lab-deliveries", {"event_type": "rfp.created"}),
    "a test delivery": ("/webhooks/{webhook}/test-deliveries", {"event_type": "rfp.created"}),
    "a replay": ("/webhooks/{webhook}/replays", PERIOD),
    "a redelivery": ("/deliveries/{delivery}/redeliveries", {}),
}
ROWS = (
    "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM delivery),"
    " (SELECT count(*) FROM delivery_attempt), (SELECT count(*) FROM inbound_request)"
)


@pytest.mark.parametrize(("path", "body"), STORING.values(), ids=STORING)
def test_a_tenant_that_is_full_sends_nothing_that_is_stored(
    ada: Api, measure, set_quota, app, database, path: str, body: dict[str, Any]
):
    ada.post("/events", LARGE)
    measure()
    webhook = ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["rfp.*"])
    ada.post("/events", LARGE)
    [delivery] = ada.get(f"/webhooks/{webhook['id']}/deliveries").json["items"]
    path = path.format(webhook=webhook["id"], delivery=delivery["id"])
    set_quota("--stored-bytes", "1")
    app.extensions["portal.room"].forget()
    before = database.sql(ROWS)

    refused = ada.post(path, body)

    assert (refused.status_code, refused.json.get("code")) == (409, "quota_reached"), refused.text
    assert refused.json["quota"] == "stored_bytes"
    assert database.sql(ROWS) == before
    set_quota("--default", "stored_bytes")
    app.extensions["portal.room"].forget()
    assert ada.post(path, body).status_code == 201


def test_a_lab_delivery_is_one_of_the_events_of_a_second(ada: Api, set_quota):
    webhook = ada.create("webhooks", url="http://127.0.0.1:1024/", event_types=["rfp.*"])
    set_quota("--events-per-second", "1")
    path, body = f"/webhooks/{webhook['id']}/lab-deliveries", {"event_type": "rfp.created"}
    answers = [ada.post(path, body) for _ in range(10)]
    refused = [answer.json for answer in answers if answer.status_code == 429]
    assert {one["quota"] for one in refused} == {"events_per_second"}


@pytest.mark.parametrize("event_types", [["github.push"], ["github.star"]])
def test_a_tenant_that_is_full_receives_nothing_new(
    ada: Api, measure, set_quota, app, database, event_types: list[str]
):
    inbound = make(ada, event_types=event_types)
    body, door = b'{"ref": "refs/heads/main"}', app.test_client()
    assert knock(door, inbound["inbound_url"], body, github(body)).status_code == 200
    set_quota("--stored-bytes", "1")
    measure()
    before = database.sql(ROWS)

    other = b'{"ref": "refs/heads/other"}'
    answer = knock(door, inbound["inbound_url"], other, github(other, delivery="d-2"))
    assert answer.status_code == 503, answer.text
    again = knock(door, inbound["inbound_url"], body, github(body))
    assert (again.status_code, again.json["duplicate"]) == (200, True), "it is stored already"
    false = knock(door, inbound["inbound_url"], other, github(other, "another secret", "d-3"))
    assert false.status_code == 401, false.text

    assert database.sql(ROWS) == before, "not in quarantine either"
    assert len(received(ada, inbound)) == 1


def test_an_erasure_makes_room(ada, measure, set_quota):
    set_quota("--stored-bytes", "5000")
    ada.post("/events", [LARGE | {"subject": "somebody"}] * 2)
    measure()
    assert ada.post("/events", LARGE).status_code == 409
    assert ada.post("/events/erasures", {"subject": "somebody"}).status_code == 200
    assert measure() == 0
    assert ada.post("/events", LARGE).status_code == 202


def test_a_tenant_that_erases_again_and_again_is_measured(
    app: Flask, ada, measure, monkeypatch, database
):
    """Erase one event between any two steps of the worker."""
    ada.post("/events", [LARGE] * 30)
    whole = measure()
    monkeypatch.setattr(stored_bytes, "AT_ONCE", 10)
    ada.post("/events", [LARGE] * 30)
    for _ in range(12):
        ada.post("/events", {"type": "rfp.small", "subject": "x"})
        assert ada.post("/events/erasures", {"subject": "x"}).json["events"] == 1
        database.sql(TWO_MINUTES_AGO.format(prefix="evt", table="event"))
        with app.app_context(), transaction(ACME):
            stored_bytes.measure(ACME)
    assert used(ada)["used"] == pytest.approx(2 * whole, rel=0.2)


def test_an_erasure_that_commits_while_the_sum_is_written_is_not_forgotten(
    app: Flask, ada, measure, database: Database
):
    measure()

    def again() -> bool:
        with app.app_context(), transaction(ACME):
            return stored_bytes.measure(ACME)

    with psycopg.connect(libpq_url(database.superuser_url)) as erasing, ThreadPoolExecutor() as one:
        erasing.execute("UPDATE quota_stored SET is_stale = true, all_again = true")
        measured = one.submit(again)
        until(lambda: database.waiting("%quota_stored%"))
        erasing.commit()
        assert measured.result(10) is True
    assert again() is False


def test_days_of_which_nothing_is_left_are_forgotten(ada, measure, database):
    ada.post("/events", LARGE)
    assert measure() > 0
    database.sql("DELETE FROM event")
    assert measure() == 0


def test_room_is_there_again_when_old_answers_are_deleted(
    app, ada, measure, set_quota, database
) -> None:
    events = [{"type": "rfp.created", "id": f"{n}-{secrets.token_hex(90)}"} for n in range(50)]
    before = measure()
    ada.post("/events", events, headers={"Idempotency-Key": "one"})
    stored = measure()
    set_quota("--stored-bytes", str(stored))
    assert ada.post("/events", LARGE).status_code == 409
    database.sql("DELETE FROM event")
    database.sql("UPDATE idempotency_key SET created_at = created_at - interval '25 hours'")
    with app.app_context(), transaction(ACME):
        assert idempotency.forget_old(ACME) == 1
    assert measure() == before
    assert ada.post("/events", LARGE).status_code == 202


COPIES = 9


def clear_quarantine(ada: Api, webhook: dict[str, Any]) -> None:
    assert ada.delete(f"/webhooks/{webhook['id']}/quarantine").status_code == 204


def reverify_all(ada: Api, webhook: dict[str, Any]) -> None:
    done = ada.post(f"/webhooks/{webhook['id']}/received/reverifications").json
    assert done["duplicates"] == COPIES


def reverify_each(ada: Api, webhook: dict[str, Any]) -> None:
    for kept in received(ada, webhook, "?state=quarantined"):
        path = f"/webhooks/{webhook['id']}/received/{kept['id']}/reverifications"
        assert ada.post(path).status_code == 409


def wait_for_the_end_of_its_time(ada: Api, webhook: dict[str, Any]) -> None:
    with transaction(ACME):
        assert review.forget_old(ACME) == COPIES


EMPTYING = (clear_quarantine, reverify_all, reverify_each, wait_for_the_end_of_its_time)


@pytest.mark.parametrize("empty", EMPTYING)
def test_room_is_there_again_when_the_quarantine_was_emptied(
    app: Flask, ada: Api, measure, monkeypatch: pytest.MonkeyPatch, empty: Callable[..., None]
) -> None:
    """Copies of a delivery leave the quarantine; the one that was accepted that day is kept."""
    body = orjson.dumps({"text": secrets.token_urlsafe(6_000)})
    webhook, door = make(ada, inbound_secret="the wrong secret"), app.test_client()

    def send() -> int:
        return knock(door, webhook["inbound_url"], body, github(body)).status_code

    assert {send() for _ in range(COPIES)} == {401}
    quarantined = measure()
    ada.patch(f"/webhooks/{webhook['id']}", {"inbound_secret": SECRET})
    assert send() == 200
    accepted = measure() - quarantined
    monkeypatch.setattr(review, "KEEP_QUARANTINED", timedelta())

    with app.app_context():
        empty(ada, webhook)

    assert received(ada, webhook, "?state=quarantined") == []
    assert measure() == accepted
