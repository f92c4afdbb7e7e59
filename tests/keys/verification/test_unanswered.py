"""Verify keys while a process of PostgreSQL does not answer, or the database cannot be written."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask import Flask

from portal.core.config import libpq_url
from portal.core.deadlines import elapsed
from portal.keys.decision import format as key_format
from portal.keys.decision.lookup_connections import LookupConnections
from portal.keys.verification import heartbeat
from portal.keys.verification.verifier import KeyVerifier
from tests.cast import Api
from tests.databases import Database, failing_with, read_only, stopped
from tests.keys.limits.waiting import until

SESSION = """
SELECT pid FROM pg_stat_activity
WHERE application_name LIKE %s AND datname = current_database() ORDER BY backend_start LIMIT 1
"""
PRESENT = "SELECT count(*) FROM key_verifier WHERE id = %s"
CHANGE = "UPDATE api_key SET blocked = true, version = version + 1 WHERE id = %s"
NOT_SAVING = (
    "The database may only be read, so nothing can be saved until that has changed. What is stored"
    " can still be read."
)

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


# ---------------------------------------------------------------- a database that is only read


def test_reads_go_on_while_the_database_may_only_be_read(
    app: Flask, ada: Api, verify: Verify, database: Database
):
    known = ada.create("api-keys", scopes=["keys:read"])
    limited = ada.create("api-keys", rpm_limit=100, scopes=["keys:read"])
    unknown = {"key": key_format.generate("acme", "service").text}
    by_key, by_limited = (Api(app.test_client(), one["key"]) for one in (known, limited))
    with read_only(app, database), running(app) as engine:
        for _ in range(2):  # from the database, then from memory
            assert verify(known)["code"] == "VALID"
            assert verify(unknown, ip="198.51.100.20")["code"] == "NOT_FOUND"
            assert by_key.get("/api-keys").status_code == 200
        until(lambda: watch_of(engine).is_current)
        for refused in (
            ada.post("/api-keys/verify", {"key": limited["key"]}),
            by_limited.get("/api-keys"),
        ):
            assert (refused.status_code, (refused.json or {})["code"]) == (503, "not_saving")
            assert (refused.json or {})["detail"] == NOT_SAVING
        # Another request may be testing whether writes work.
        until(lambda: "writes: failing" in app.test_client().get("/readyz").text)
        ready = app.test_client().get("/readyz")
        assert ready.status_code == 200
        assert ready.text.startswith("ok\nwrites: failing")
        assert database.sql(PRESENT, watch_of(engine).id) == 0
        database.sql(CHANGE, known["id"])  # of somebody who may write all the same
        until(lambda: verify(known)["code"] == "BLOCKED")


def test_a_lost_notice_is_made_up_for_while_the_database_may_only_be_read(
    app: Flask, ada: Api, verify: Verify, database: Database
):
    issued = ada.create("api-keys")
    with read_only(app, database), running(app):
        assert verify(issued)["code"] == "VALID"
        database.sql(f"SET session_replication_role = replica; {silent(issued['id'])}")
        until(lambda: verify(issued)["code"] == "BLOCKED")


def silent(key_id: str) -> str:
    """Return statements that change a key, and tell nobody but the newest number."""
    return f"{CHANGE % repr(key_id)}; UPDATE key_change_seq SET seq = seq + 1"


def test_who_began_while_it_may_only_be_read_writes_as_soon_as_it_may(
    app: Flask, ada: Api, verify: Verify, database: Database, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(heartbeat, "AGAIN_SECONDS", 0.1)
    limited = ada.create("api-keys", rpm_limit=100)
    refused = {"key": "sk-acme-nonsense"}  # its trace is to be written
    with read_only(app, database):
        context = running(app)
        engine = context.__enter__()
        assert verify(limited)["status"] == 503
        assert verify(refused)["code"] == "MALFORMED"
    try:
        until(lambda: database.sql(PRESENT, watch_of(engine).id) == 1)
        until(lambda: verify(limited)["code"] == "VALID")
        until(lambda: database.sql("SELECT count(*) FROM key_denial") > 0)
    finally:
        context.__exit__(None, None, None)


@pytest.mark.parametrize("table", ["key_verifier", "key_acknowledgement"])
def test_a_row_that_a_full_disk_refuses_stops_no_verification(
    ada: Api, engine: KeyVerifier, verify: Verify, database: Database, table: str
):
    issued = ada.create("api-keys")
    with failing_with(database, table, "53100"):
        heard_at = watch_of(engine)._heard_at
        until(lambda: watch_of(engine)._heard_at > heard_at)
        assert verify(issued)["code"] == "VALID"
        database.sql(CHANGE, issued["id"])
        until(lambda: verify(issued)["code"] == "BLOCKED")
    assert watch_of(engine).listening.is_set()


@pytest.mark.parametrize("table", ["key_verifier", "key_acknowledgement"])
def test_a_table_that_is_locked_stops_no_verification(
    ada: Api, engine: KeyVerifier, verify: Verify, database: Database, table: str
):
    issued = ada.create("api-keys")
    watch = watch_of(engine)
    session = database.sql(SESSION, "portal-key-watch%")
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute(f"LOCK TABLE {table} IN SHARE MODE")  # what CREATE INDEX takes
        began = elapsed()
        until(lambda: elapsed() > began + 1.5 * watch._stale_seconds)
        # On a machine that stood still, one answer may be that it cannot be checked now.
        until(lambda: verify(issued)["code"] == "VALID", watch._stale_seconds)
        assert database.sql(CHANGE, issued["id"]) is None
        until(lambda: verify(issued)["code"] == "BLOCKED", watch._stale_seconds)
        path = f"/api-keys/{issued['id']}/propagation"
        if table == "key_verifier":  # what it has heard is not known, so nobody is told of it
            assert ada.get(path).json["heard"] == 0
    until(lambda: ada.get(path).json["heard"] == 1, 20)
    assert database.sql(SESSION, "portal-key-watch%") == session


def test_a_number_that_is_locked_for_a_moment_ends_no_session(
    engine: KeyVerifier, database: Database
):
    session = database.sql(SESSION, "portal-key-watch%")
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("LOCK TABLE key_change_seq")
        until(lambda: database.waiting("%SELECT seq, clock_timestamp()%") == 1)
        time.sleep(watch_of(engine)._stale_seconds / 3)
    heard_at = watch_of(engine)._heard_at
    until(lambda: watch_of(engine)._heard_at > heard_at)
    assert database.sql(SESSION, "portal-key-watch%") == session


def test_traces_are_written_on_a_connection_from_a_time_of_reading_only(
    app: Flask, database: Database
):
    wire = LookupConnections(libpq_url(database.app_url))
    write = "INSERT INTO write_probe (process) VALUES (%s) RETURNING process"
    with read_only(app, database), pytest.raises(Exception, match="may only be read"):
        wire.one(write, ("a",))
    assert wire.one(write, ("a",)) == ("a",)
    wire.close()
