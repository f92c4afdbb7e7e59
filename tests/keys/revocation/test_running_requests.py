"""Test that a stop waits for no request of what it stops, and that such a request makes nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event, get_ident
from typing import Any

import psycopg
import pytest
from flask import Flask
from sqlalchemy import event
from werkzeug.test import TestResponse

from portal.core.config import libpq_url
from portal.database.session import db, transaction
from portal.keys.models import ApiKey
from portal.records.quotas import counts
from tests.cast import ACME, Api, Pages
from tests.databases import Database
from tests.keys.limits.waiting import until

REASON = {"reason": "stolen"}
MAKING = ["webhooks:write", "connectors:write", "applications:write", "event-types:write"]
BODIES = {
    "applications": {"display_name": "CRM", "kind": "app"},
    "event-types": {"name": "rfp.created"},
}
Record = dict[str, Any]


@pytest.fixture
def crm(ada: Api) -> Record:
    return ada.create("applications", display_name="CRM", kind="app")


@pytest.fixture
def stolen(ada: Api, crm: Record) -> Record:
    scopes = ["keys:write", "keys:read", "webhooks:write"]
    return ada.create("api-keys", name="Stolen", application_id=crm["id"], scopes=scopes)


@contextmanager
def running(app: Flask, key: Record, path: str, body: Any) -> Iterator[list[TestResponse]]:
    """Send a request with a key, and hold it before its commit while the block runs. Yield a list
    that has its response afterwards."""
    written, go_on, answers, threads = Event(), Event(), list[TestResponse](), set[int]()
    thief = Api(app.test_client(), key["key"])

    def run() -> None:
        threads.add(get_ident())
        answers.append(thief.post(path, body))

    def hold(_session: Any) -> None:
        if get_ident() in threads:
            written.set()
            assert go_on.wait(20)

    event.listen(db.session, "before_commit", hold)
    try:
        with ThreadPoolExecutor(1) as pool:
            done = pool.submit(run)
            try:
                assert written.wait(20)
                yield answers
            finally:
                go_on.set()
            done.result()
    finally:
        event.remove(db.session, "before_commit", hold)


def successors(stolen: Record) -> Record:
    return {"items": [{"name": name, "rotated_from_key_id": stolen["id"]} for name in ("a", "b")]}


def stop_key(verb: str) -> Callable[[Api, Pages, Record, Record], TestResponse]:
    return lambda ada, page, crm, stolen: ada.post(f"/api-keys/{stolen['id']}/{verb}", REASON)


def suspend(ada: Api, page: Pages, crm: Record, stolen: Record) -> TestResponse:
    return ada.post(f"/applications/{crm['id']}/suspend", REASON)


def panic(ada: Api, page: Pages, crm: Record, stolen: Record) -> TestResponse:
    return page.post("/keys/panic", {"application_id": crm["id"], "confirm": crm["slug"]})


STOPS = {
    "revoke": stop_key("revoke"),
    "block": stop_key("block"),
    "suspend": suspend,
    "panic": panic,
}


@pytest.mark.parametrize("stop", STOPS.values(), ids=STOPS)
def test_a_batch_that_runs_while_its_key_is_stopped_delays_that_not_and_issues_nothing(
    app: Flask,
    ada: Api,
    page: Pages,
    database: Database,
    crm: Record,
    stolen: Record,
    stop: Callable[[Api, Pages, Record, Record], TestResponse],
) -> None:
    page.csrf_token()
    with running(app, stolen, "/api-keys/batch", successors(stolen)) as answers:
        stopped = stop(ada, page, crm, stolen)
        assert stopped.status_code in (200, 303), stopped.text
        assert not ada.post("/api-keys/verify", {"key": stolen["key"]}).json["valid"]
    [answer] = answers
    assert answer.status_code == 409, answer.text
    assert "Nothing was done" in answer.text
    assert database.sql("SELECT count(*) FROM api_key WHERE name IN ('a', 'b')") == 0


@pytest.mark.parametrize("verb", ["revoke", "block"])
def test_a_batch_of_a_child_issues_nothing_once_its_parent_is_stopped(
    app: Flask, ada: Api, stolen: Record, verb: str
) -> None:
    child = ada.post(f"/api-keys/{stolen['id']}/children", {"scopes": ["keys:write"]}).json
    with running(app, child, "/api-keys/batch", {"items": [{}, {}]}) as answers:
        assert ada.post(f"/api-keys/{stolen['id']}/{verb}", REASON).status_code == 200
    assert answers[0].status_code == 409, answers[0].text


@pytest.mark.parametrize("resource", ["webhooks", "connectors", "applications", "event-types"])
def test_a_key_that_is_revoked_meanwhile_makes_no_other_record(
    app: Flask, ada: Api, resource: str
) -> None:
    key = ada.create("api-keys", scopes=MAKING)
    with running(app, key, f"/{resource}", BODIES.get(resource, {})) as answers:
        assert ada.post(f"/api-keys/{key['id']}/revoke", REASON).status_code == 200
    assert answers[0].status_code == 409, answers[0].text
    assert answers[0].json["errors"][0]["field"] == "Authorization"
    assert not ada.get(f"/{resource}").json["items"]


def test_a_client_id_is_taken_away_while_a_key_makes_records(
    app: Flask, ada: Api, crm: Record, stolen: Record
) -> None:
    path = f"/applications/{crm['id']}"
    assert ada.patch(path, {"oauth_client_id": "one"}).status_code == 200
    with running(app, stolen, "/api-keys/batch", successors(stolen)) as answers:
        assert ada.patch(path, {"oauth_client_id": None}).status_code == 200
    assert answers[0].status_code == 200, answers[0].text


@pytest.mark.parametrize("resource", ["webhooks", "connectors"])
def test_records_that_are_made_while_their_application_is_suspended_are_refused(
    app: Flask, ada: Api, crm: Record, resource: str
) -> None:
    scopes = ["webhooks:write", "connectors:write"]
    key = ada.create("api-keys", application_id=crm["id"], scopes=scopes)
    with running(app, key, f"/{resource}/batch", {"items": [{}, {}]}) as answers:
        assert ada.post(f"/applications/{crm['id']}/suspend", REASON).status_code == 200
    assert answers[0].status_code == 409, answers[0].text
    assert answers[0].json["errors"][0]["field"] == "application_id"
    assert not ada.get(f"/{resource}").json["items"]


def test_a_batch_of_a_key_that_goes_on_working_issues_all(
    app: Flask, ada: Api, stolen: Record
) -> None:
    other = ada.create("api-keys", name="Beside")
    with running(app, stolen, "/api-keys/batch", successors(stolen)) as answers:
        assert ada.post(f"/api-keys/{other['id']}/revoke", REASON).status_code == 200
    assert answers[0].status_code == 200, answers[0].text


@pytest.mark.parametrize("counted", ["for the first time", "again"])
def test_a_batch_that_holds_the_whole_count_delays_no_revocation(
    app: Flask, ada: Api, database: Database, counted: str
) -> None:
    stolen = ada.create("api-keys", scopes=["keys:write"])
    others = [ada.create("api-keys") for _ in range(3)]
    with app.app_context():
        if counted == "again":
            with transaction(ACME):
                counts.count_again(ACME, ApiKey)
        with running(app, stolen, "/api-keys/batch", {"items": [{}, {}]}) as answers:
            for one in others[:2]:
                assert ada.post(f"/api-keys/{one['id']}/revoke", REASON).status_code == 200
        assert answers[0].status_code == 200, answers[0].text
        assert used(ada) == 4
        with transaction(ACME):
            counts.count_again(ACME, ApiKey)
        assert used(ada) == 4
        assert ada.post(f"/api-keys/{others[2]['id']}/revoke", REASON).status_code == 200
        ada.create("api-keys")
        assert used(ada) == 4


def used(ada: Api) -> int:
    return next(
        one["used"] for one in ada.get("/quotas").json["items"] if one["name"] == "api_keys"
    )


@pytest.mark.parametrize("stop", ["revoke", "block", "revoke later", "report a leak"])
def test_a_stop_waits_until_other_changes_of_the_key_have_given_up(
    ada: Api, database: Database, stop: str
) -> None:
    """Changes that come again and again, as by the key itself, keep nobody from stopping it."""
    key = ada.create("api-keys")
    path = f"/api-keys/{key['id']}"
    asked: dict[str, Any] = {"at": "2999-01-01T00:00:00Z"} if stop == "revoke later" else {}
    where = f"{path}/{stop.split(maxsplit=1)[0]}"
    if stop == "report a leak":
        where, asked = "/api-keys/leaks", {"fingerprint": key["key_fingerprint"]}
    with psycopg.connect(libpq_url(database.superuser_url)) as holder, ThreadPoolExecutor() as some:
        holder.execute("SELECT FROM api_key WHERE id = %s FOR UPDATE", [key["id"]])
        stopped = some.submit(ada.post, where, asked)
        until(lambda: database.waiting("%api_key%") == 1)
        assert ada.patch(path, {"name": "Other"}).status_code == 503
        holder.rollback()
        assert stopped.result(20).status_code < 300
