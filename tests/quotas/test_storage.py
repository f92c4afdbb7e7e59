"""The worker measures stored bytes, and publishing stops at the limit."""

import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME, GLOBEX

from portal.database.session import transaction
from portal.records.quotas import stored_bytes
from tests.databases import Database
from tests.inbound.test_inbound import github, knock, make

LARGE = {"type": "rfp.created", "data": {"text": "".join(map(chr, range(0x4E00, 0x5E00)))}}


@pytest.fixture
def measure(app: Flask, database: Database):
    """Return `measure()`, which runs the worker's job a minute later and returns the sum."""

    def run(tenant: str = ACME) -> int:
        for table in ("event", "inbound_request", "delivery_attempt"):
            # Move the rows a minute back: their ids contain the time.
            database.sql(
                f"UPDATE {table} SET id = left(id, 9) || '0' || substr(id, 11)"
                " WHERE substr(id, 10, 1) <> '0'"
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


def test_an_erasure_makes_room(ada, measure, set_quota):
    set_quota("--stored-bytes", "5000")
    ada.post("/events", [LARGE | {"subject": "somebody"}] * 2)
    measure()
    assert ada.post("/events", LARGE).status_code == 409
    assert ada.post("/events/erasures", {"subject": "somebody"}).status_code == 200
    assert measure() == 0
    assert ada.post("/events", LARGE).status_code == 202


def test_days_of_which_nothing_is_left_are_forgotten(ada, measure, database):
    ada.post("/events", LARGE)
    assert measure() > 0
    database.sql("DELETE FROM event")
    assert measure() == 0
