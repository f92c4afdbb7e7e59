"""A check tells whether a connector works, and moves its status by one table."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from typing import Any

import psycopg
import pytest
from flask import Flask
from portal_devtools.identity_provider.people import ACME, GLOBEX

from portal.connections import engine_loop, housekeeping, saves
from portal.connections.checks import visit
from portal.connections.engine import Engine
from portal.connections.queue import AT_ONCE, take, tenants_with_open_checks
from portal.core.config import libpq_url
from portal.database.session import transaction
from portal.outbound.client import OF_ONE_TENANT
from tests.cast import Api, Provider
from tests.connections.conftest import PASSWORD, USER, RunChecks, Service
from tests.connectors.conftest import Reveal
from tests.connectors.scopes import SID
from tests.databases import Database
from tests.delivery.test_engine import until
from tests.keeping import keep_house

Make = Callable[..., dict[str, Any]]
NOBODY = {"baseUrl": "http://127.0.0.1:9"}  # refused at once


def ok(answer: Any, status: int = 200) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json or {})


def checks(ada: Api, record: dict[str, Any]) -> list[dict[str, Any]]:
    return list(ok(ada.get(f"/connectors/{record['id']}/checks"))["items"])


def read(ada: Api, record: dict[str, Any]) -> dict[str, Any]:
    return ok(ada.get(f"/connectors/{record['id']}"))


def test_a_saved_connector_is_checked_and_works(
    either_store: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    assert record["sync_status"] == "pending"
    (waiting,) = checks(ada, record)
    assert (waiting["state"], waiting["reason"]) == ("queued", "saved")
    run_checks()
    (done,) = checks(ada, record)
    assert (done["state"], done["outcome"]) == ("done", "passed"), done
    assert [step["name"] for step in done["steps"]][:2] == ["address", "connect"]
    assert done["credential_version"] == 1
    known = read(ada, record)
    assert (known["sync_status"], known["last_check_at"]) == ("healthy", done["finished_at"])
    assert known["updated_at"] == record["updated_at"], "a check is no edit"


def test_a_refused_sign_in_needs_a_person_until_it_is_mended(
    ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector(credentials={"username": USER, "password": "wrong"})
    run_checks()
    refused = read(ada, record)
    assert (refused["sync_status"], refused["consecutive_errors"]) == ("action_required", 1)
    assert refused["last_error"]
    assert "wrong" not in refused["last_error"]
    ok(ada.patch(f"/connectors/{record['id']}", {"credentials": {"password": PASSWORD}}))
    assert read(ada, record)["sync_status"] == "pending"
    run_checks()
    mended = read(ada, record)
    assert (mended["sync_status"], mended["consecutive_errors"]) == ("healthy", 0)
    assert mended["last_error"] is None


@pytest.mark.parametrize("auth_type", ["basic", "none"])
def test_an_answer_that_everybody_gets_proves_no_credentials(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks, auth_type: str
) -> None:
    """The front page of most services is open, and greets also those with a wrong password."""
    service.is_open = True
    wrong = {"username": USER, "password": "wrong"} if auth_type == "basic" else {}
    record = connector(auth_type=auth_type, credentials=wrong)
    run_checks()
    (done,) = checks(ada, record)
    signed_in = {step["name"]: step for step in done["steps"]}["sign_in"]
    assert signed_in["state"] == "not_tried"
    if auth_type == "none":
        assert done["outcome"] == "passed"
    else:
        assert done["outcome"] == "unproven"
        assert done["remedy"] == "Choose a test path that needs the credentials."
        assert read(ada, record)["sync_status"] == "pending"


def test_one_check_at_a_time(ada: Api, connector: Make, run_checks: RunChecks) -> None:
    record = connector(enabled=False)
    path = f"/connectors/{record['id']}/checks"
    first = ok(ada.post(path, {}), 202)
    second = ada.post(path, {})
    assert second.status_code == 409
    run_checks()
    assert ok(ada.get(f"{path}/{first['id']}"))["outcome"] == "passed"
    ok(ada.post(path, {}), 202)


def test_of_many_who_ask_at_once_one_is_heard(ada: Api, connector: Make) -> None:
    path = f"/connectors/{connector(enabled=False)['id']}/checks"
    with ThreadPoolExecutor(8) as callers:
        heard = [ask.status_code for ask in callers.map(lambda _: ada.post(path, {}), range(8))]
    assert sorted(heard) == [202, *[409] * 7]


def test_a_worker_takes_a_check_while_somebody_saves_the_connector(
    app: Flask, ada: Api, connector: Make, database: Database
) -> None:
    """It does not wait for the connector: who saves it waits for the check, a deadlock."""
    record = connector()
    with psycopg.connect(libpq_url(database.superuser_url)) as saving:
        saving.execute("SELECT FROM connector WHERE id = %s FOR UPDATE", (record["id"],))
        with app.app_context(), transaction(ACME):
            (taken,) = take(ACME)
    assert taken.connector_id == record["id"]
    (check,) = checks(ada, record)
    assert check["state"] == "running"
    assert check["started_at"]


def test_a_check_is_no_edit(ada: Api, connector: Make, run_checks: RunChecks) -> None:
    record = connector()
    run_checks()
    after = read(ada, record)
    assert (after["version"], after["updated_at"]) == (record["version"], record["updated_at"])


def test_a_program_that_asks_for_news_hears_of_the_health(
    ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    """A check makes no new version, but the ETag has a hash of the document beside it."""
    record = connector()
    path = f"/connectors/{record['id']}"
    known = {"If-None-Match": ada.get(path).headers["ETag"]}
    assert ada.get(path, headers=known).status_code == 304
    run_checks()
    assert ok(ada.get(path, headers=known))["sync_status"] == "healthy"


def test_a_change_of_health_is_in_the_history_and_an_event(
    ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    ada.create("webhooks", url="https://hooks.example/", event_types=["connector.*"])
    record = connector()
    run_checks()
    ok(ada.post(f"/connectors/{record['id']}/checks", {}), 202)
    run_checks()
    history = ok(ada.get(f"/connectors/{record['id']}/history"))["items"]
    actions = [entry["action"] for entry in history]
    assert actions.count("connector.health_changed") == 1
    events = ok(ada.get("/events?type=connector.health_changed"))["items"]
    assert len(events) == 1


def test_three_failures_of_the_other_side_are_failing(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks, database: Database
) -> None:
    record = connector()
    run_checks()
    service.status = 503
    seen = []
    for _ in range(3):
        ok(ada.post(f"/connectors/{record['id']}/checks", {}), 202)
        run_checks()
        seen.append(read(ada, record)["sync_status"])
    assert seen == ["degraded", "degraded", "failing"]
    wait = "SELECT extract(epoch FROM next_check_at - checked_at)::int FROM connector_standing"
    assert database.sql(wait) == 15 * 60
    service.status = 200
    ok(ada.post(f"/connectors/{record['id']}/checks", {}), 202)
    run_checks()
    assert read(ada, record)["sync_status"] == "healthy"


def test_a_result_of_settings_that_were_changed_meanwhile_moves_nothing(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks
) -> None:
    record = connector(credentials={"username": USER, "password": "wrong"})
    changed = threading.Event()

    def change() -> None:
        if not changed.is_set():
            changed.set()
            path = f"/connectors/{record['id']}"
            ok(ada.patch(path, {"credentials": {"password": PASSWORD}}))

    service.while_waiting = change
    run_checks()
    newest = checks(ada, record)[-1]
    assert (newest["outcome"], newest["is_outdated"]) == ("auth_invalid", True)
    assert read(ada, record)["sync_status"] == "pending"


def test_a_result_of_credentials_that_were_removed_meanwhile_moves_nothing(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks
) -> None:
    record = connector()

    def remove() -> None:
        service.while_waiting = lambda: None
        ok(ada.delete(f"/connectors/{record['id']}/credentials"))

    service.while_waiting = remove
    run_checks()
    newest = checks(ada, record)[-1]
    assert (newest["outcome"], newest["is_outdated"]) == ("passed", True)
    assert (newest["credential_version"], read(ada, record)["sync_status"]) == (1, "pending")


def test_a_sign_in_that_needs_a_browser_is_not_said_to_work(
    ada: Api, connector: Make, run_checks: RunChecks, service: Service
) -> None:
    addresses = {"authorizeUrl": f"{service.address}/a", "tokenUrl": f"{service.address}/t"}
    record = connector(
        auth_type="oauth2_code",
        config={"baseUrl": service.address, **addresses},
        credentials={"client_id": "c", "client_secret": "s" * 20},
    )
    run_checks()
    (check,) = checks(ada, record)
    assert check["outcome"] == "unproven"
    assert {step["name"]: step["state"] for step in check["steps"]}["sign_in"] == "not_tried"
    found = read(ada, record)
    assert (found["sync_status"], found["last_error"]) == ("pending", None)


def test_older_credentials_are_used_again(
    either_store: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    ok(ada.patch(f"/connectors/{record['id']}", {"credentials": {"password": "wrong"}}))
    run_checks()
    assert read(ada, record)["sync_status"] == "action_required"
    path = f"/connectors/{record['id']}"
    ok(ada.post(f"{path}/credential-restorations", {"version": 1}), 202)
    run_checks()
    assert read(ada, record)["sync_status"] == "healthy"
    versions = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert [version["version"] for version in versions] == [3, 2, 1]
    assert [version["restored_from"] for version in versions] == [1, None, None]
    assert versions[0]["set_by_name"] == versions[2]["set_by_name"]
    gone = ada.post(f"{path}/credential-restorations", {"version": 9})
    assert gone.status_code == 422
    assert "version" in gone.text


def test_the_versions_that_the_store_keeps_are_listed_and_restored(
    either_store: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    for number in range(2, 14):
        ok(ada.patch(path, {"credentials": {"password": f"number {number}"}}))
    run_checks()
    listed = [one["version"] for one in ok(ada.get(f"{path}/credential-versions"))["items"]]
    assert listed == list(range(13, 3, -1))
    forgotten = ada.post(f"{path}/credential-restorations", {"version": 3})
    assert forgotten.status_code == 422
    assert "no such version" in forgotten.text
    ok(ada.post(f"{path}/credential-restorations", {"version": 4}), 202)
    run_checks()
    newest, *_ = ok(ada.get(f"{path}/credential-versions"))["items"]
    assert (newest["version"], newest["restored_from"]) == (14, 4)


@pytest.mark.parametrize("how", ["the fields", "all", "the connector"])
def test_versions_from_before_a_removal_are_not_listed(
    either_store: str, how: str, ada: Api, connector: Make, run_checks: RunChecks
) -> None:
    path = f"/connectors/{connector()['id']}"
    ok(ada.patch(path, {"credentials": {"password": "second"}}))
    if how == "the fields":
        ok(ada.patch(path, {"credentials": {"username": None, "password": None}}))
    elif how == "all":
        ok(ada.delete(f"{path}/credentials"))
    else:
        ok(ada.delete(path), 204)
        ok(ada.post(f"{path}/restore"))
    left = [2] if how == "the connector" else []
    versions = f"{path}/credential-versions"
    assert [one["version"] for one in ok(ada.get(versions))["items"]] == left
    for version in {1, 2} - set(left):
        refused = ada.post(f"{path}/credential-restorations", {"version": version})
        assert refused.status_code == 422
        assert "no such version" in refused.text
    ok(ada.patch(path, {"credentials": {"username": USER, "password": "third"}}))
    assert [one["version"] for one in ok(ada.get(versions))["items"]] == [3, *left]
    run_checks()
    for version in left:
        ok(ada.post(f"{path}/credential-restorations", {"version": version}), 202)


@pytest.mark.parametrize(
    ("later", "password"),
    [
        ({"username": USER, "password": "third"}, "third"),
        ({"username": None, "password": None}, None),
    ],
    ids=["changed", "removed"],
)
def test_a_restoration_does_not_undo_what_was_saved_after_it_was_asked_for(
    ada: Api, connector: Make, run_checks: RunChecks, reveal: Reveal, later: dict[str, Any],
    password: str | None,
) -> None:  # fmt: skip
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": {"password": "second"}}))
    run_checks()
    asked = ok(ada.post(f"{path}/credential-restorations", {"version": 1}), 202)
    saved = ok(ada.patch(path, {"credentials": later}))
    run_checks()
    ended = ok(ada.get(f"{path}/checks/{asked['id']}"))
    assert (ended["outcome"], ended["is_outdated"]) == ("config", True)
    assert "Nothing was changed" in ended["said"]
    assert read(ada, record)["version"] == saved["version"]
    assert (reveal(record["id"]) or {}).get("password") == password
    assert read(ada, record)["sync_status"] == "pending", "the check moved nothing"


def of_sales(maker: Api, service: Service) -> dict[str, Any]:
    """Return a connector of the group sales, which works no more since its password was changed."""
    made = maker.create(
        "connectors",
        provider="http",
        auth_type="basic",
        config={"baseUrl": service.address},
        credentials={"username": USER, "password": PASSWORD},
        scope="group",
        group_id="sales",
    )
    ok(maker.patch(f"/connectors/{made['id']}", {"credentials": {"password": "wrong"}}))
    return made


def test_older_credentials_of_a_groups_connector_are_used_again(
    either_store: str, ed: Api, service: Service, run_checks: RunChecks
) -> None:
    path = f"/connectors/{of_sales(ed, service)['id']}"
    run_checks()
    ok(ed.post(f"{path}/credential-restorations", {"version": 1}), 202)
    run_checks()
    assert ok(ed.get(f"{path}/checks"))["items"][0]["outcome"] == "passed"
    assert ok(ed.get(path))["sync_status"] == "healthy"
    ok(ed.patch(path, {"credentials": {"password": "a part is changed"}}))


def test_a_restoration_is_not_done_for_who_sees_the_connector_no_more(
    app: Flask, token_provider: Provider, ed: Api, service: Service, run_checks: RunChecks
) -> None:
    path = f"/connectors/{of_sales(ed, service)['id']}"
    run_checks()
    sid = Api(app.test_client(), token_provider.token_of(SID))
    ok(sid.post(f"{path}/credential-restorations", {"version": 1}), 202)
    moved = ok(ed.patch(path, {"group_id": "security"}))
    run_checks()
    newest, *_ = ok(ed.get(f"{path}/checks"))["items"]
    assert (newest["outcome"], newest["is_outdated"]) == ("config", True)
    assert "Nothing was changed" in newest["said"]
    assert ok(ed.get(path))["version"] == moved["version"]
    ok(ed.patch(path, {"credentials": {"password": "a part is changed"}}))


def test_a_restoration_is_not_done_for_a_key_that_was_revoked(
    app: Flask, ada: Api, connector: Make, run_checks: RunChecks, reveal: Reveal
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    ok(ada.patch(path, {"credentials": {"password": "second"}}))
    run_checks()
    key = ada.create("api-keys", scopes=["connectors:read", "connectors:write"])
    asked = ok(
        Api(app.test_client(), key["key"]).post(f"{path}/credential-restorations", {"version": 1}),
        202,
    )
    ok(ada.post(f"/api-keys/{key['id']}/revoke", {"reason": "Seen in a log."}))
    run_checks()
    ended = ok(ada.get(f"{path}/checks/{asked['id']}"))
    assert (ended["outcome"], ended["is_outdated"]) == ("config", True)
    assert ended["said"] == (
        "Nothing was changed. The API key that asked for it does not work any more."
    )
    assert (reveal(record["id"]) or {}).get("password") == "second"


def test_nothing_is_sent_while_the_application_is_stopped(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks
) -> None:
    owner = ada.create("applications", display_name="Owner")
    record = connector(application_id=owner["id"])  # waits for its check
    path = f"/connectors/{record['id']}"
    ok(ada.post(f"/applications/{owner['id']}/suspend", {"reason": "An incident"}))
    run_checks()
    (held,) = checks(ada, record)
    assert held["is_outdated"]
    assert "suspended" in held["said"]
    assert ada.post(f"{path}/checks", {}).status_code == 409
    ok(ada.patch(path, {"credentials": {"password": "another one"}}))
    run_checks()
    assert service.calls == 0
    assert read(ada, record)["sync_status"] == "pending"


def test_a_draft_is_checked_and_nothing_is_stored(
    ada: Api, service: Service, database: Database
) -> None:
    draft = {
        "provider": "http",
        "auth_type": "basic",
        "config": {"baseUrl": service.address},
        "credentials": {"username": USER, "password": "wrong"},
    }
    refused = ok(ada.post("/connectors/draft-checks", draft))
    assert refused["outcome"] == "auth_invalid"
    draft["credentials"] = {"username": USER, "password": PASSWORD}
    assert ok(ada.post("/connectors/draft-checks", draft))["outcome"] == "passed"
    stored = "SELECT (SELECT count(*) FROM connector) + (SELECT count(*) FROM connector_check)"
    assert database.sql(stored) == 0
    assert ada.post("/connectors/draft-checks", {}).status_code == 422


def test_checks_are_their_tenants_alone(
    ada: Api, gus: Api, vic: Api, connector: Make, run_checks: RunChecks
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}/checks"
    (check,) = checks(ada, record)
    for address in (path, f"{path}/{check['id']}"):
        assert gus.get(address).status_code == 404
    assert gus.post(path, {}).status_code == 404
    assert vic.post(path, {}).status_code == 403
    assert ok(vic.get(f"{path}/{check['id']}"))["id"] == check["id"]


def test_an_admin_learns_nothing_from_checks_of_somebody_elses_connector(
    ada: Api, ed: Api, service: Service
) -> None:
    record = ed.create(
        "connectors",
        scope="user",
        provider="http",
        auth_type="none",
        config={"baseUrl": service.address},
    )
    path = f"/connectors/{record['id']}"
    for answer in (
        ada.get(f"{path}/checks"),
        ada.post(f"{path}/checks", {}),
        ada.get(f"{path}/credential-versions"),
    ):
        assert answer.status_code == 403, answer.text


def test_a_check_of_a_worker_that_died_is_taken_again_and_not_for_ever(
    ada: Api, connector: Make, run_checks: RunChecks, database: Database
) -> None:
    record = connector()
    database.sql("UPDATE connector_check SET state = 'running', attempts = 1, due_at = now()")
    run_checks()
    assert checks(ada, record)[0]["outcome"] == "passed"
    again = connector(name="Another")
    database.sql(
        "UPDATE connector_check SET state = 'running', attempts = 3, due_at = now()"
        " WHERE state = 'queued'"
    )
    run_checks()
    assert checks(ada, again)[0]["outcome"] == "internal"
    assert read(ada, again)["sync_status"] == "pending"
    next_one = "SELECT next_check_at - now() <= interval '5 minutes' FROM connector_standing"
    assert database.sql(f"{next_one} WHERE connector_id = %s", again["id"]) is True


def test_two_workers_check_each_connector_once(
    connector: Make, service: Service, run_checks: RunChecks, database: Database
) -> None:
    for number in range(12):
        connector(name=f"Service {number}")
    workers = [threading.Thread(target=run_checks) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert service.calls == 12
    assert database.sql("SELECT count(*) FROM connector_check WHERE outcome = 'passed'") == 12


def test_a_sealed_store_is_never_the_connectors_fault(
    ada: Api, connector: Make, run_checks: RunChecks, sealed: Callable[[], None]
) -> None:
    record = connector()
    sealed()
    run_checks()
    (check,) = checks(ada, record)
    assert check["outcome"] == "secret_store"
    assert read(ada, record)["sync_status"] == "pending"


def test_a_restoration_that_the_store_refuses_is_to_be_asked_for_again(
    ada: Api, connector: Make, run_checks: RunChecks, sealed: Callable[[], None]
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    saved = ok(ada.patch(path, {"credentials": {"password": "wrong"}}))
    run_checks()
    ok(ada.post(f"{path}/credential-restorations", {"version": 1}), 202)
    sealed()
    run_checks()
    newest, *_ = checks(ada, record)
    assert newest["outcome"] == "secret_store"
    assert "Ask for it again" in newest["remedy"]
    assert read(ada, record)["version"] == saved["version"]


@pytest.mark.parametrize(("wait", "seconds"), [("300", 300), ("0", 60), ("99999999", 86400)])
def test_a_rate_limit_is_waited_for(
    ada: Api,
    connector: Make,
    service: Service,
    run_checks: RunChecks,
    database: Database,
    wait: str,
    seconds: int,
) -> None:
    record = connector()
    service.status, service.headers = 429, {"Retry-After": wait}
    run_checks()
    limited = read(ada, record)
    assert (limited["sync_status"], limited["consecutive_errors"]) == ("rate_limited", 0)
    until = "SELECT extract(epoch FROM next_check_at - checked_at)::int FROM connector_standing"
    assert abs(database.sql(until) - seconds) <= 2


def test_a_save_and_the_calendar_of_checks_do_not_wait_for_each_other(
    app: Flask, ada: Api, connector: Make, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = connector()
    database.sql("DELETE FROM connector_check")
    due = "INSERT INTO connector_standing (tenant_id, connector_id, next_check_at)"
    database.sql(f"{due} VALUES (%s, %s, now())", ACME, record["id"])
    plan, filled = saves._stand, list[Future[bool]]()

    def calendar() -> bool:
        with app.app_context(), transaction(ACME):
            return housekeeping.queue_due(ACME)

    with ThreadPoolExecutor(1) as other:

        def stand(saved: Any, at: Any) -> None:
            filled.append(other.submit(calendar))
            wait(filled, timeout=0.5)
            plan(saved, at)

        monkeypatch.setattr(saves, "_stand", stand)
        ok(ada.patch(f"/connectors/{record['id']}", {"enabled": False}))
        assert filled[0].result(10) is False


def test_a_tenant_whose_drafts_are_slow_keeps_no_other_one_waiting(
    ada: Api, gus: Api, service: Service
) -> None:
    draft = {
        "provider": "http",
        "auth_type": "basic",
        "config": {"baseUrl": service.address},
        "credentials": {"username": USER, "password": PASSWORD},
    }
    gate, quick = threading.Event(), threading.Event()

    def hold() -> None:
        if not quick.is_set():
            gate.wait(20)

    service.while_waiting = hold

    def check(caller: Api) -> int:
        return int(caller.post("/connectors/draft-checks", draft).status_code)

    with ThreadPoolExecutor(10) as callers:
        slow = [callers.submit(check, ada) for _ in range(10)]
        try:
            until(lambda: sum(one.done() for one in slow) >= len(slow) - OF_ONE_TENANT)
            quick.set()
            assert check(gus) == 200
        finally:
            gate.set()
        statuses = sorted(one.result() for one in slow)
    assert (statuses[0], statuses[-1]) == (200, 429)
    assert check(ada) == 200, "each turn is given back"


def test_a_worker_that_looks_rarely_hears_of_a_check_that_is_asked_for(
    app: Flask, ada: Api, connector: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_loop, "POLL_SECONDS", 600)
    record = connector()

    def are_done(many: int) -> bool:
        return [one["state"] for one in checks(ada, record)] == ["done"] * many

    engine = Engine(app)
    engine.start()
    try:
        for number in (1, 2, 3):
            until(partial(are_done, number), 20)
            ok(ada.post(f"/connectors/{record['id']}/checks", {}), 202)
    finally:
        engine.stop()
    assert not engine._thread.is_alive()


def test_a_tenant_with_many_slow_connectors_keeps_no_other_one_waiting(
    app: Flask, ada: Api, gus: Api, connector: Make, service: Service, database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(visit, "HEAD_SECONDS", 28)
    gate = threading.Event()

    def hold() -> None:
        gate.wait(25)

    service.while_waiting = hold
    for _ in range(60):
        connector()
    running = "SELECT count(*) FROM connector_check WHERE state = 'running'"
    engine = Engine(app)
    engine.start()
    try:
        until(lambda: database.sql(running) >= AT_ONCE)
        time.sleep(1)
        quick = gus.create("connectors", provider="http", auth_type="none", config=NOBODY)
        until(lambda: checks(gus, quick)[0]["state"] == "done", 20)
    finally:
        gate.set()
        engine.stop()


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_check_that_waits_is_not_run_when_the_connector_is_not_to_be_used_any_more(
    ada: Api, connector: Make, service: Service, run_checks: RunChecks, is_deleted: bool
) -> None:
    path = f"/connectors/{connector()['id']}"
    if is_deleted:
        ok(ada.delete(path), 204)
    else:
        ok(ada.patch(path, {"enabled": False}))
    run_checks()
    assert service.calls == 0
    assert ok(ada.get(f"{path}/checks"))["items"] == []
    if not is_deleted:
        ok(ada.patch(path, {"enabled": True}))
        run_checks()
        assert ok(ada.get(path))["sync_status"] == "healthy"


@pytest.mark.parametrize("enabled", [True, False])
def test_a_restored_connector_is_not_healthy_before_it_is_checked(
    ada: Api, connector: Make, run_checks: RunChecks, enabled: bool
) -> None:
    record = connector()
    path = f"/connectors/{record['id']}"
    run_checks()
    ok(ada.patch(path, {"enabled": enabled}))
    ok(ada.delete(path), 204)
    ok(ada.post(f"{path}/restore"))
    assert read(ada, record)["sync_status"] == ("pending" if enabled else "disabled")
    run_checks()
    assert read(ada, record)["sync_status"] == ("healthy" if enabled else "disabled")


def test_a_connector_is_checked_again_when_its_application_is_reopened(
    app: Flask, ada: Api, connector: Make, run_checks: RunChecks, database: Database
) -> None:
    owner = ada.create("applications", display_name="Runtime")
    record = connector(application_id=owner["id"])
    run_checks()
    ok(ada.post(f"/applications/{owner['id']}/suspend", {"reason": "An incident"}))
    database.sql("UPDATE connector_standing SET next_check_at = now()")
    keep_house(app, database, housekeeping.HOUSEKEEPING)
    run_checks()
    assert len(checks(ada, record)) == 1
    ok(ada.post(f"/applications/{owner['id']}/reopen", {"reason": "It is over"}))
    keep_house(app, database, housekeeping.HOUSEKEEPING)
    run_checks()
    assert len(checks(ada, record)) == 2


def test_a_tenant_with_thousands_of_checks_hides_no_other(
    app: Flask, ada: Api, gus: Api, database: Database
) -> None:
    """The worker asks past the tenants of which it has enough in hand."""
    made = (
        "INSERT INTO connector (tenant_id, id, version, name)"
        " SELECT %s, 'cnn_' || n, 1, 'C' FROM generate_series(1, %s) n"
    )
    queued = (
        "INSERT INTO connector_check (tenant_id, id, connector_id, reason, due_at)"
        " SELECT %s, 'chk_' || n, 'cnn_' || n, 'saved', now() - make_interval(mins => %s)"
        " FROM generate_series(1, %s) n"
    )
    for tenant_id, many, minutes in ((ACME, 3000, 60), (GLOBEX, 1, 1)):
        database.sql(made, tenant_id, many)
        database.sql(queued, tenant_id, minutes, many)
    with app.app_context(), transaction():
        assert tenants_with_open_checks() == [ACME]
        assert tenants_with_open_checks([ACME]) == [GLOBEX]
