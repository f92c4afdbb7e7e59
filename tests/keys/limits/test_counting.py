"""Calls that PostgreSQL counts: what their callers hear, also of a database in trouble."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.keys.limits import counting
from portal.keys.limits.counting import BatchCounter, Counted, _Answers, _Result
from portal.keys.limits.window_leases import Lease
from tests.cast import Api
from tests.databases import Database, stopped
from tests.keys.limits.waiting import until
from tests.shortages import no_new_thread

CLOSE = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'portal-key-counting'
"""


def test_a_loop_that_is_closed_keeps_no_other_from_its_answers():
    answers = _Answers()
    gone = asyncio.new_event_loop()
    first, second = gone.create_future(), gone.create_future()
    answers.put(gone, first, _Result("never heard"))
    gone.close()
    answers.put(gone, second, _Result("never heard"))

    async def ask() -> str:
        loop = asyncio.get_running_loop()
        waiting = loop.create_future()
        answers.put(loop, waiting, _Result("heard"))
        async with asyncio.timeout(30):
            return await waiting

    assert asyncio.run(ask()) == "heard"


@pytest.fixture
def loses_an_answer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let PostgreSQL commit one batch, and lose its answer on the way back."""
    count, lost = BatchCounter._rows, list[str]()

    def counts(counter: BatchCounter, arguments: Any) -> list[Counted]:
        rows = count(counter, arguments)
        if not lost:
            lost.append("an answer")
            raise psycopg.OperationalError("server closed the connection unexpectedly")
        return rows

    monkeypatch.setattr(BatchCounter, "_rows", counts)
    lost.append("none yet")
    return lost


@pytest.mark.parametrize("is_new", [False, True], ids=["on a used connection", "on a new one"])
@pytest.mark.parametrize("lent", [False, True], ids=["its own amount", "a slice"])
def test_a_call_whose_answer_was_lost_is_counted_once(
    app: Flask, ada: Api, database: Database, loses_an_answer: list[str], lent: bool, is_new: bool
):
    other = {"key": ada.create("api-keys", max_budget_usd=1000)["key"], "estimated_usd": 0.5}
    assert ada.post("/api-keys/verify", other).json["valid"]
    call = {"key": ada.create("api-keys", max_budget_usd=1000)["key"], "estimated_usd": 0.5}
    if lent:  # the second call of a key asks for a slice
        assert ada.post("/api-keys/verify", call).json["valid"]
    if is_new:
        app.extensions["keys"].meters.counting._forget()
    loses_an_answer.clear()
    answer = ada.post("/api-keys/verify", call)
    assert loses_an_answer
    assert (answer.status_code, answer.json["code"]) == (200, "VALID"), answer.text
    own = "SELECT count(*) FROM spend_reservation WHERE secret IS NULL"
    assert database.sql(own) == 2 + lent
    settled = ada.post(f"/api-keys/reservations/{answer.json['reservation_id']}/settle")
    assert settled.json["cost_usd"] == 0.5


def test_a_call_is_counted_once_though_the_process_that_was_to_count_it_is_stopped(
    app: Flask, ada: Api, database: Database
):
    call = {"key": ada.create("api-keys", max_uses=10)["key"]}
    assert ada.post("/api-keys/verify", call).json["valid"]
    pid, _ = app.extensions["keys"].meters.counting.lender
    with stopped(database, pid):
        answer = ada.post("/api-keys/verify", call)
        assert (answer.status_code, answer.json.get("code")) == (200, "VALID"), answer.text
    until(lambda: not database.sql("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", pid))
    [uses] = ada.post("/api-keys/verify", {**call, "dry_run": True}).json["limits"]
    assert uses["remaining"] == 8


@contextmanager
def without_answers() -> Iterator[None]:
    """Let PostgreSQL commit each batch in the block, and lose every answer."""
    count = BatchCounter._rows

    def counts(counter: BatchCounter, arguments: Any) -> list[Counted]:
        count(counter, arguments)
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BatchCounter, "_rows", counts)
        yield


@pytest.fixture
def never_answers() -> Iterator[None]:
    with without_answers():
        yield


def test_a_call_that_may_have_been_counted_says_so(ada: Api, never_answers: None):
    call = {"key": ada.create("api-keys", max_uses=10)["key"]}
    answer = ada.post("/api-keys/verify", call)
    assert (answer.status_code, answer.json["code"]) == (503, "unknown_outcome"), answer.text
    assert "counted" in answer.json["detail"]


@pytest.fixture
def lent(app: Flask, ada: Api) -> tuple[str, Lease]:
    """Issue a key, and lend this process three of its requests: its text, and the lease."""
    made = ada.create("api-keys", rpm_limit=60, max_budget_usd=1000)
    meters = app.extensions["keys"].meters
    lease = Lease(made["tenant_id"], meters.leases.clock() + 60, 7, requests=3)
    meters.leases.lend(made["id"], lease, (0, 0))
    return made["key"], lease


@pytest.mark.parametrize("own", [None, "call-00001"], ids=["no id", "its own id"])
def test_a_call_whose_answer_was_lost_uses_up_its_limit(
    ada: Api, lent: tuple[str, Lease], loses_an_answer: list[str], own: str | None
):
    key, lease = lent
    loses_an_answer.clear()
    call = {"key": key, "estimated_usd": 20, "reservation_id": own}
    assert ada.post("/api-keys/verify", call).json["code"] == "VALID"
    assert loses_an_answer
    assert lease.requests == 2


def test_a_repeated_call_of_unknown_outcome_is_no_free_call(ada: Api, lent: tuple[str, Lease]):
    key, lease = lent
    call = {"key": key, "estimated_usd": 20, "reservation_id": "call-00001"}
    with without_answers():
        assert ada.post("/api-keys/verify", call).json["code"] == "unknown_outcome"
    assert ada.post("/api-keys/verify", call).json["code"] == "VALID"
    assert lease.requests == 2


def test_an_admitted_call_is_repeated_though_its_key_is_at_its_limit(ada: Api):
    key = ada.create("api-keys", rpm_limit=1, max_budget_usd=10)["key"]
    call = {"key": key, "estimated_usd": 1, "reservation_id": "call-00001"}
    assert ada.post("/api-keys/verify", call).json["code"] == "VALID"
    assert ada.post("/api-keys/verify", {"key": key}).json["code"] == "RPM_EXCEEDED"
    assert ada.post("/api-keys/verify", call).json["code"] == "VALID"


def test_a_call_whose_rows_stay_locked_was_certainly_not_counted(ada: Api, database: Database):
    made = ada.create("api-keys", max_uses=10)
    call = {"key": made["key"]}
    assert ada.post("/api-keys/verify", call).json["valid"]
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("SELECT FROM api_key_runtime WHERE key_id = %s FOR UPDATE", (made["id"],))
        answer = ada.post("/api-keys/verify", call)
        assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    [uses] = ada.post("/api-keys/verify", {**call, "dry_run": True}).json["limits"]
    assert uses["remaining"] == 9


def test_a_call_that_nobody_waits_for_is_not_sent_again(ada: Api, monkeypatch: pytest.MonkeyPatch):
    call = {"key": ada.create("api-keys", max_uses=10)["key"]}
    assert ada.post("/api-keys/verify", call).json["valid"]
    count, waits = BatchCounter._rows, [0.6]

    def counts(counter: BatchCounter, arguments: Any) -> list[Counted]:
        if not waits:
            return count(counter, arguments)
        time.sleep(waits.pop())
        raise psycopg.OperationalError("PostgreSQL did not answer")

    with monkeypatch.context() as patch:
        patch.setattr(counting, "ANSWER_SECONDS", 0.3)
        patch.setattr(BatchCounter, "_rows", counts)
        answer = ada.post("/api-keys/verify", call)
        assert (answer.status_code, answer.json["code"]) == (503, "unknown_outcome"), answer.text
        until(lambda: not waits)
    [uses] = ada.post("/api-keys/verify", {**call, "dry_run": True}).json["limits"]
    assert uses["remaining"] == 9


def test_a_request_whose_use_may_have_been_counted_was_not_done(
    app: Flask, ada: Api, never_answers: None
):
    key = ada.create("api-keys", max_uses=10, scopes=["applications:read"])["key"]
    answer = Api(app.test_client(), key).get("/applications")
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    assert "was not done" in answer.json["detail"]
    assert "may count" in answer.json["detail"]


def test_calls_are_counted_again_once_a_thread_can_be_started(app: Flask, ada: Api):
    call = {"key": ada.create("api-keys", max_uses=10)["key"]}
    app.extensions["keys"].meters.counting.stop()  # as before the first call of a process
    with no_new_thread("key-counting"):
        answer = ada.post("/api-keys/verify", call)
        assert (answer.status_code, answer.json["code"]) == (503, "unavailable"), answer.text
    assert ada.post("/api-keys/verify", call).json["valid"]
    [uses] = ada.post("/api-keys/verify", {**call, "dry_run": True}).json["limits"]
    assert uses["remaining"] == 9


def test_calls_are_counted_again_after_the_thread_has_ended(app: Flask, ada: Api, monkeypatch):
    call = {"key": ada.create("api-keys", max_uses=10)["key"]}
    counter = app.extensions["keys"].meters.counting
    counter.stop()

    def ends(_counter: BatchCounter) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(BatchCounter, "_next_batch", ends)
        patch.setattr(threading, "excepthook", lambda _arguments: None)
        patch.setattr(counting, "ANSWER_SECONDS", 0.3)
        assert ada.post("/api-keys/verify", call).status_code == 503
        until(lambda: not counter._thread.is_alive())
    assert ada.post("/api-keys/verify", call).json["valid"]


def test_a_call_that_nothing_can_be_saved_for_says_so(ada: Api, database: Database):
    call = {"key": ada.create("api-keys", max_budget_usd=1000)["key"], "estimated_usd": 0.5}
    assert ada.post("/api-keys/verify", call).json["valid"]
    with psycopg.connect(libpq_url(database.superuser_url), autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        database.sql(CLOSE)
        try:
            answer = ada.post("/api-keys/verify", call)
            assert (answer.status_code, answer.json["code"]) == (503, "not_saving"), answer.text
        finally:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
    assert ada.post("/api-keys/verify", call).json["valid"]


@pytest.mark.parametrize("budget", [{}, {"max_budget_usd": 999_999_999}], ids=["none", "large"])
def test_large_amounts_are_reserved_or_refused_and_never_an_error(ada: Api, budget: dict[str, int]):
    key = ada.create("api-keys", **budget)["key"]

    def verify(usd: float) -> Any:
        return ada.post("/api-keys/verify", {"key": key, "estimated_usd": usd})

    answers = [verify(usd) for usd in (100_000_000, 100_000_000, 999_999_999, 1)]
    assert [one.status_code for one in answers] == [200, 200, 200 if budget else 409, 200]
    assert [one.json.get("valid") for one in answers[:2]] == [True, True]
    if not budget:
        [problem] = answers[2].json["errors"]
        assert problem["field"] == "estimated_usd"
