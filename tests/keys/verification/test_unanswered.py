"""Verify keys while a process of PostgreSQL does not answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask

from portal.keys.verification.verifier import KeyVerifier
from tests.cast import Api
from tests.databases import Database, stopped
from tests.keys.limits.waiting import until

SESSION = """
SELECT pid FROM pg_stat_activity
WHERE application_name LIKE %s AND datname = current_database() ORDER BY backend_start LIMIT 1
"""
CHANGE = "UPDATE api_key SET blocked = true, version = version + 1 WHERE id = %s"

Verify = Callable[..., dict[str, Any]]


@pytest.fixture
def verify(ada: Api) -> Verify:
    def ask(issued: dict[str, Any], **question: Any) -> dict[str, Any]:
        answer = ada.post("/api-keys/verify", {"key": issued["key"], **question})
        return {"status": answer.status_code, **(answer.json or {})}

    return ask


@contextmanager
def running(app: Flask) -> Iterator[KeyVerifier]:
    """Run the application's engine in the block, as a server does."""
    engine: KeyVerifier = app.extensions["keys"]
    engine.begin_now()
    try:
        assert engine.watch
        assert engine.watch.listening.wait(20)
        yield engine
    finally:
        engine.end()


@pytest.fixture
def engine(app: Flask) -> Iterator[KeyVerifier]:
    with running(app) as made:
        yield made


def watch_of(engine: KeyVerifier) -> Any:
    assert engine.watch
    return engine.watch


# ---------------------------------------------------------------- a process that does not answer


def test_a_listener_that_gets_no_answer_connects_to_another_process(
    ada: Api, engine: KeyVerifier, verify: Verify, database: Database
):
    issued = ada.create("api-keys")
    assert verify(issued)["code"] == "VALID"
    frozen = database.sql(SESSION, "portal-key-watch%")
    with stopped(database, frozen):
        until(lambda: not watch_of(engine).listening.is_set())
        until(lambda: watch_of(engine).listening.is_set() and watch_of(engine).is_current)
        assert verify(issued)["code"] == "VALID"
        database.sql(CHANGE, issued["id"])
        until(lambda: verify(issued)["code"] == "BLOCKED")


def test_a_look_up_that_gets_no_answer_is_sent_to_another_process(
    ada: Api, engine: KeyVerifier, verify: Verify, database: Database
):
    issued = ada.create("api-keys")
    row = engine.wire.one("SELECT pg_backend_pid()", ())
    assert row
    engine.cache.flush()
    with stopped(database, row[0]):
        assert verify(issued)["code"] == "VALID"
        assert engine.wire.one("SELECT pg_backend_pid()", ()) != row


def test_a_count_that_gets_no_answer_fails_and_a_later_one_does_not(
    ada: Api, engine: KeyVerifier, verify: Verify, database: Database
):
    issued = ada.create("api-keys", max_uses=100_000)  # each call is counted
    assert verify(issued)["code"] == "VALID"
    with stopped(database, database.sql(SESSION, "portal-key-counting")):
        assert verify(issued)["status"] == 503
        until(lambda: verify(issued)["code"] == "VALID")
