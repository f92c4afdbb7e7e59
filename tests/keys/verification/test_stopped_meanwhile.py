"""A key that is stopped while a call waits for its count opens nothing."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.keys.verification import change_listener
from portal.keys.verification.verifier import KeyVerifier
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until

LIMITS: dict[str, tuple[dict[str, int], str, dict[str, Any]]] = {
    "uses": ({"max_uses": 1000}, "api_key_runtime", {}),
    "requests": ({"rpm_limit": 60_000}, "key_rate", {}),
    "budget": ({"max_budget_usd": 1000}, "key_budget", {}),
    "money": ({"max_budget_usd": 1000}, "key_budget", {"estimated_usd": 0.5}),
    "its own reservation": (
        {"max_budget_usd": 1000},
        "key_budget",
        {"estimated_usd": 0.5, "reservation_id": "call-00001"},
    ),
    "money and uses": (
        {"max_budget_usd": 1000, "max_uses": 1000},
        "api_key_runtime",
        {"estimated_usd": 0.5},
    ),
}
RESERVED = "SELECT coalesce(sum(reserved_usd), 0) FROM key_budget"
OWN = "SELECT count(*) FROM spend_reservation WHERE secret IS NULL"
BLOCK = "UPDATE api_key SET blocked = true, version = version + 1 WHERE id = %s"
UNBLOCK = "UPDATE api_key SET blocked = false, version = version + 1 WHERE id = %s"
WAITS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def made(ada: Api) -> Callable[..., dict[str, Any]]:
    """Return a function that issues a key of a new application."""

    def issue(**values: Any) -> dict[str, Any]:
        crm = ada.create("applications", display_name="CRM")
        scopes = ["applications:read", "keys:read"]
        return ada.create("api-keys", application_id=crm["id"], scopes=scopes, **values)

    return issue


@contextmanager
def waiting(
    engine: KeyVerifier, database: Database, table: str, call: Callable[[], Any]
) -> Iterator[Future[Any]]:
    """Let a call wait for its count during the block."""
    engine.meters.forget_all()
    with (
        ThreadPoolExecutor() as beside,
        psycopg.connect(libpq_url(database.superuser_url)) as other,
    ):
        other.execute(f"SELECT FROM {table} FOR UPDATE")
        answer = beside.submit(call)
        until(lambda: bool(engine.meters.counting._held) or database.sql(WAITS) > 0)
        yield answer
        assert not answer.done()


def suspend(ada: Api, key: dict[str, Any]) -> None:
    answer = ada.post(f"/applications/{key['application_id']}/suspend", {"reason": "incident"})
    assert answer.status_code == 200, answer.text


def narrow(ada: Api, key: dict[str, Any]) -> None:
    path = f"/applications/{key['application_id']}"
    answer = ada.patch(path, {"allowed_scopes": ["keys:read"]})
    assert answer.status_code == 200, answer.text


def rename(ada: Api, key: dict[str, Any]) -> None:
    path = f"/api-keys/{key['id']}"
    assert ada.patch(path, {"name": "Another"}).status_code == 200


def revoke(ada: Api, key: dict[str, Any]) -> None:
    assert ada.post(f"/api-keys/{key['id']}/revoke").status_code == 200


def exchange(app: Flask, key: dict[str, Any], **more: str) -> Any:
    form = {"grant_type": "client_credentials", "client_secret": key["key"], **more}
    return app.test_client().post("/oauth/token", data=form)


def ask(app: Flask, ada: Api, key: dict[str, Any], **cost: Any) -> Callable[[], dict[str, Any]]:
    """Return a call that verifies a key, for another thread."""
    late = Api(app.test_client(), ada.token)

    def verify() -> dict[str, Any]:
        answer = late.post("/api-keys/verify", {"key": key["key"], **cost})
        return {"status": answer.status_code, **answer.json}

    return verify


@pytest.mark.parametrize("limit", LIMITS)
def test_a_suspension_is_the_answer_to_a_verification_that_waited(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any, limit: str
):
    values, table, cost = LIMITS[limit]
    key = made(**values)
    for number in range(3):  # so that its rows exist, and it is busy enough for a slice
        own = {"reservation_id": f"before-{number}"} if "reservation_id" in cost else {}
        heard = ask(app, ada, key, **cost | own)()
        assert heard["code"] == "VALID"
        if cost:
            settling = f"/api-keys/reservations/{heard['reservation_id']}/settle"
            assert ada.post(settling, {"cost_usd": 0}).status_code == 200
    with waiting(engine, database, table, ask(app, ada, key, **cost)) as answer:
        suspend(ada, key)
    heard = answer.result()
    assert (heard["code"], heard["reservation_id"]) == ("APP_INACTIVE", None)
    assert database.sql(OWN) == 0, "given back before the answer"
    engine.meters.return_slices(everything=True)
    assert database.sql(RESERVED) == 0


def test_what_an_earlier_answer_promised_stays_reserved(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any
):
    key, cost = made(max_budget_usd=1000), {"estimated_usd": 0.5, "reservation_id": "call-00001"}
    assert ask(app, ada, key, **cost)()["code"] == "VALID"
    with waiting(engine, database, "key_budget", ask(app, ada, key, **cost)) as answer:
        suspend(ada, key)
    assert answer.result()["code"] == "APP_INACTIVE"
    engine.meters.return_slices(everything=True)
    assert database.sql(RESERVED) == 0.5


def test_a_call_that_repeats_its_refused_reservation_reserves_anew(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any
):
    key, cost = made(max_budget_usd=10), {"estimated_usd": 6, "reservation_id": "call-00001"}
    assert ask(app, ada, key)()["code"] == "VALID"  # so that its rows exist
    with waiting(engine, database, "key_budget", ask(app, ada, key, **cost)) as answer:
        assert ada.post(f"/api-keys/{key['id']}/block").status_code == 200
    assert answer.result()["code"] == "BLOCKED"
    assert ada.post(f"/api-keys/{key['id']}/unblock").status_code == 200
    assert ask(app, ada, key, **cost)()["code"] == "VALID"
    engine.meters.return_slices(everything=True)
    assert database.sql(RESERVED) == 6
    beyond = ask(app, ada, key, estimated_usd=9, reservation_id="call-00002")
    assert beyond()["code"] == "BUDGET_EXCEEDED"
    assert ask(app, ada, key, **cost)()["code"] == "VALID"
    settled = ada.post("/api-keys/reservations/call-00001/settle", {"cost_usd": 6})
    assert settled.json["budget"]["available_usd"] == 4


@contextmanager
def locked(database: Database, statement: str) -> Iterator[Callable[[], None]]:
    """Hold what a statement locks during the block, or until the given function is called."""
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute(statement)
        yield other.rollback


@pytest.mark.parametrize("is_allowed_again", [True, False])
def test_what_cannot_be_given_back_stays_reserved_for_a_repetition(
    app: Flask,
    ada: Api,
    database: Database,
    engine: KeyVerifier,
    made: Any,
    is_allowed_again: bool,
):
    key, cost = made(max_budget_usd=10), {"estimated_usd": 6, "reservation_id": "call-00001"}
    assert ask(app, ada, key)()["code"] == "VALID"
    engine.meters.forget_all()
    with (
        ThreadPoolExecutor() as beside,
        locked(database, "SELECT FROM key_budget FOR UPDATE") as let_count,
    ):
        answer = beside.submit(ask(app, ada, key, **cost))
        until(lambda: bool(engine.meters.counting._held))
        database.sql(BLOCK, key["id"])
        until(lambda: getattr(engine.find(key["key"]), "blocked", False))
        engine.cache.evict([key["id"]])
        with locked(database, "LOCK TABLE api_key") as let_look_up:
            let_count()
            until(lambda: database.sql(RESERVED) == 6)
            with locked(database, "SELECT FROM key_budget FOR UPDATE"):
                let_look_up()
                if is_allowed_again:
                    database.sql(UNBLOCK, key["id"])
                heard = answer.result()
    assert heard["code"] == ("VALID" if is_allowed_again else "unknown_outcome")
    database.sql(UNBLOCK, key["id"])
    until(lambda: not getattr(engine.find(key["key"]), "blocked", True))
    assert ask(app, ada, key, **cost)()["code"] == "VALID"
    engine.meters.return_slices(everything=True)
    assert database.sql(RESERVED) == 6


def test_a_reservation_that_expired_before_can_still_be_settled(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any
):
    key, cost = made(max_budget_usd=10), {"estimated_usd": 6, "reservation_id": "call-00001"}
    assert ask(app, ada, key, **cost)()["code"] == "VALID"
    database.sql("UPDATE spend_reservation SET expires_at = now()")
    with waiting(engine, database, "key_budget", ask(app, ada, key, **cost)) as answer:
        suspend(ada, key)
    assert answer.result()["code"] == "APP_INACTIVE"
    assert database.sql(RESERVED) == 0
    settled = ada.post("/api-keys/reservations/call-00001/settle", {"cost_usd": 5})
    assert settled.json["budget"]["available_usd"] == 5


STOPS = {
    "revoked": (revoke, "REVOKED", (401, 401)),
    "suspended": (suspend, "APP_INACTIVE", (401, 401)),
    "narrowed": (narrow, "SCOPE_MISSING", (403, 200)),
    "renamed": (rename, "VALID", (200, 200)),
}


@pytest.mark.parametrize("stop", STOPS)
def test_what_a_key_has_become_is_the_answer(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any, stop: str
):
    change, code, _ = STOPS[stop]
    key = made(max_uses=1000)
    verify = ask(app, ada, key, scope="applications:read")
    assert verify()["code"] == "VALID"
    with waiting(engine, database, "api_key_runtime", verify) as answer:
        change(ada, key)
    assert answer.result()["code"] == code


@pytest.mark.parametrize("stop", STOPS)
@pytest.mark.parametrize("is_token", [False, True], ids=["key", "token"])
def test_a_request_of_rest_that_waited_is_refused(
    app: Flask,
    ada: Api,
    database: Database,
    engine: KeyVerifier,
    made: Any,
    stop: str,
    is_token: bool,
):
    change, _, (status, _) = STOPS[stop]
    key = made(max_uses=1000)
    shown = exchange(app, key).json["access_token"] if is_token else key["key"]
    late = Api(app.test_client(), shown)
    assert late.get("/applications").status_code == 200
    call = waiting(
        engine, database, "api_key_runtime", lambda: late.get("/applications").status_code
    )
    with call as answer:
        change(ada, key)
    assert answer.result() == status


def test_a_request_that_waited_for_the_count_of_its_tenant_is_refused(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier
):
    key = ada.create("api-keys", scopes=["keys:read"])
    late, rates = Api(app.test_client(), key["key"]), app.extensions["portal.rates"]
    rates.forget()  # so that the next request asks PostgreSQL for its loan
    assert all(late.get("/api-keys").status_code == 200 for _ in range(6))
    rates.forget()
    call = waiting(engine, database, "quota_rate", lambda: late.get("/api-keys").status_code)
    with call as answer:
        database.sql(BLOCK, key["id"])
        until(lambda: getattr(engine.find(key["key"]), "blocked", False))
    assert answer.result() == 401


@pytest.mark.parametrize("stop", STOPS)
def test_a_token_request_that_waited_is_refused(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any, stop: str
):
    change, _, (_, status) = STOPS[stop]
    key = made(max_uses=1000)
    assert exchange(app, key).json["scope"] == "applications:read keys:read"
    call = waiting(engine, database, "api_key_runtime", lambda: exchange(app, key))
    with call as answer:
        change(ada, key)
    assert answer.result().status_code == status
    if stop == "narrowed":
        assert answer.result().json["scope"] == "keys:read"


def test_a_token_request_that_waited_gets_no_scope_that_its_key_has_lost(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any
):
    key = made(max_uses=1000)
    assert exchange(app, key, scope="applications:read").status_code == 200
    call = waiting(
        engine, database, "api_key_runtime", lambda: exchange(app, key, scope="applications:read")
    )
    with call as answer:
        narrow(ada, key)
    refused = answer.result()
    assert (refused.status_code, refused.json) == (400, {"error": "invalid_scope"})
    engine.flush()
    asked = {"request_id": refused.headers["X-Request-Id"]}
    assert ada.post("/api-keys/explanations", asked).json["code"] == "SCOPE_MISSING"


@pytest.mark.parametrize("stop", STOPS)
def test_a_dry_run_that_waited_tells_what_the_key_has_become(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any, stop: str
):
    change, code, _ = STOPS[stop]
    key = made(max_uses=1000)
    rehearse = ask(app, ada, key, scope="applications:read", dry_run=True)
    assert rehearse()["code"] == "VALID"
    with waiting(engine, database, "api_key_runtime", rehearse) as answer:
        change(ada, key)
    assert answer.result()["code"] == code


@pytest.mark.parametrize("is_token", [False, True], ids=["key", "token"])
def test_an_introspection_that_waited_tells_what_the_key_has_become(
    app: Flask, ada: Api, database: Database, engine: KeyVerifier, made: Any, is_token: bool
):
    key = made(max_uses=1000)
    shown = exchange(app, key).json["access_token"] if is_token else key["key"]
    client, headers = app.test_client(), {"Authorization": f"Bearer {ada.token}"}

    def introspect() -> Any:
        return client.post("/oauth/introspect", data={"token": shown}, headers=headers).json

    assert introspect()["active"] is True
    with waiting(engine, database, "api_key_runtime", introspect) as answer:
        suspend(ada, key)
    assert answer.result() == {"active": False}


def test_nothing_is_valid_while_changes_are_not_heard(
    app: Flask,
    ada: Api,
    database: Database,
    engine: KeyVerifier,
    made: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    key = made(max_uses=1000)
    verify = ask(app, ada, key)
    assert verify()["code"] == "VALID"
    with monkeypatch.context() as patch:
        with waiting(engine, database, "api_key_runtime", verify) as answer:
            patch.setattr(engine.watch, "_stale_seconds", -1)
        heard = answer.result()
        assert (heard["status"], heard["code"]) == (503, "unknown_outcome")


def test_a_key_is_looked_up_again_while_nothing_is_heard(
    app: Flask,
    ada: Api,
    database: Database,
    engine: KeyVerifier,
    made: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(change_listener, "RETRY_SECONDS", 4)  # nothing is heard during the test
    monkeypatch.setattr(engine.watch, "_stale_seconds", 60)
    key = made(max_uses=1000)
    verify = ask(app, ada, key)
    assert verify()["code"] == "VALID"
    with waiting(engine, database, "api_key_runtime", verify) as answer:
        database.sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name LIKE 'portal-key-watch%' AND datname = current_database()"
        )
        until(lambda: not engine.cache.is_open)
        database.sql(BLOCK, key["id"])
    assert answer.result()["code"] == "BLOCKED"


def test_a_key_that_did_not_change_is_not_looked_up_again(
    app: Flask,
    ada: Api,
    database: Database,
    engine: KeyVerifier,
    made: Any,
    monkeypatch: pytest.MonkeyPatch,
):
    key, other = made(max_uses=1000), made()
    verify = ask(app, ada, key)
    assert verify()["code"] == "VALID"
    monkeypatch.setattr(engine, "look_up", None)
    with waiting(engine, database, "api_key_runtime", verify) as answer:
        suspend(ada, other)
    assert answer.result()["code"] == "VALID"
