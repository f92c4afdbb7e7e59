"""The thread that receives changes of keys goes on, and says only what the process has applied."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from portal.core import logs
from portal.core.config import libpq_url
from portal.keys.verification import heartbeat
from portal.keys.verification.verifier import KeyVerifier
from tests.cast import Api
from tests.databases import Database
from tests.keys.limits.waiting import until

MANY = 1000
END = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'portal-key%%'
"""
STOP_ALL = """
WITH changed AS (
    UPDATE api_key SET revoked_at = now(), version = version + 1 RETURNING id
) SELECT count(*) FROM changed
"""
AHEAD = "UPDATE api_key SET revoked_at = now() + interval '1 minute', version = version + 1"
ACKNOWLEDGED = "SELECT coalesce(max(seq), 0) FROM key_acknowledgement"
NEWEST = "SELECT seq FROM key_change_seq"


class Full:
    """Standard output on a disk that is full."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")

    def flush(self) -> None:
        raise OSError(28, "No space left on device")

    def isatty(self) -> bool:
        return False


@contextmanager
def full_log(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every line of the log during the block."""
    logs.configure(production=True)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        yield


def code(ada: Api, key: dict[str, Any]) -> str:
    """Return the verdict about a key."""
    answer = ada.post("/api-keys/verify", {"key": key["key"]})
    return str(answer.json["code"])


def test_a_log_that_cannot_be_written_stops_nothing(
    engine: KeyVerifier, ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    plain, limited = ada.create("api-keys"), ada.create("api-keys", rpm_limit=1000)
    assert [code(ada, plain), code(ada, limited)] == ["VALID", "VALID"]
    assert engine.watch
    with full_log(monkeypatch):
        assert code(ada, plain) == "VALID"
        engine.watch.listening.clear()
        database.sql(END)  # its thread has to say that the connection broke
        assert engine.watch.listening.wait(10)
        assert ada.post(f"/api-keys/{plain['id']}/revoke", {}).status_code == 200
    until(lambda: code(ada, limited) == "VALID")
    assert code(ada, plain) == "REVOKED"


def test_an_error_that_nobody_expected_ends_no_thread(
    engine: KeyVerifier, ada: Api, monkeypatch: pytest.MonkeyPatch
):
    assert engine.watch
    with monkeypatch.context() as patch:
        tried: list[Any] = []

        def fails(connection: Any) -> None:
            tried.append(connection)
            raise RuntimeError("nobody expected this")

        patch.setattr(engine.watch, "_listen", fails)
        engine.watch.listening.clear()
        engine.watch._heartbeat.needs_new_session = True
        until(lambda: bool(tried))
    assert engine.watch.listening.wait(10)
    assert code(ada, ada.create("api-keys")) == "VALID"


def test_a_change_is_acknowledged_only_when_all_of_it_is_applied(
    engine: KeyVerifier, ada: Api, database: Database, monkeypatch: pytest.MonkeyPatch
):
    raws = [ada.create("api-keys", name=f"Key {n}")["key"] for n in range(MANY)]
    assert all(engine.find(raw) and engine.remembered(raw) for raw in raws)
    assert engine.watch
    known, said = engine.watch.seq, []
    beat = engine.watch._heartbeat.beat

    def watched(connection: Any, seq: int) -> int:
        if seq > known:
            found = [engine.remembered(raw) for raw in raws]
            said.append(sum(key is not None and key.revoked_at is None for key in found))
        return beat(connection, seq)

    monkeypatch.setattr(engine.watch._heartbeat, "beat", watched)
    assert database.sql(STOP_ALL) == MANY
    until(lambda: bool(said))
    assert said[0] == 0


def test_what_could_not_be_acknowledged_is_acknowledged_soon(
    engine: KeyVerifier, ada: Api, database: Database
):
    key = ada.create("api-keys")
    assert engine.watch
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("LOCK TABLE key_acknowledgement, key_verifier IN SHARE MODE")
        assert ada.post(f"/api-keys/{key['id']}/revoke", {}).status_code == 200
        until(lambda: engine.watch is not None and engine.watch.seq == database.sql(NEWEST))
        until(lambda: bool(engine.watch and engine.watch._heartbeat._refused_at))
    newest = database.sql(NEWEST)
    until(lambda: database.sql(ACKNOWLEDGED) == newest)
    assert ada.get(f"/api-keys/{key['id']}/propagation").json["milliseconds"] > 0
    assert heartbeat.AGAIN_SECONDS > heartbeat.LOCK_AGAIN_SECONDS


def test_a_new_connection_acknowledges_what_it_begins_with(
    engine: KeyVerifier, ada: Api, database: Database
):
    assert engine.watch
    key = ada.create("api-keys")
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("LOCK TABLE key_change_seq IN ACCESS EXCLUSIVE MODE")
        database.sql(END)
        until(lambda: engine.watch is not None and not engine.watch.listening.is_set())
        other.execute("UPDATE api_key SET blocked = true, version = version + 1")
    assert engine.watch.listening.wait(10)
    assert code(ada, key) == "BLOCKED"
    newest = database.sql(NEWEST)
    until(lambda: database.sql(ACKNOWLEDGED) == newest)


def test_the_health_check_says_that_changes_are_not_received(
    engine: KeyVerifier, ada: Api, client: FlaskClient, database: Database
):
    key = ada.create("api-keys")
    assert client.get("/readyz").text == "ok\n"
    with psycopg.connect(libpq_url(database.superuser_url)) as other:
        other.execute("LOCK TABLE key_change_seq IN ACCESS EXCLUSIVE MODE")
        until(lambda: engine.watch is not None and not engine.watch.is_current)
        answer = client.get("/readyz")
        assert answer.status_code == 200
        assert answer.text.startswith("ok\nkeys: verification answers 503")
        assert ada.post("/api-keys/verify", {"key": key["key"]}).status_code == 503
    until(lambda: client.get("/readyz").text == "ok\n")


def test_a_revoked_key_stays_revoked_when_the_clock_goes_back(
    engine: KeyVerifier, ada: Api, database: Database
):
    """The row holds what a clock wrote that was a minute ahead."""
    parent = ada.create("api-keys", scopes=["keys:read"])
    child = ada.post(f"/api-keys/{parent['id']}/children", {"name": "Job"})
    assert child.status_code == 201, child.text
    for key in (parent, child.json):
        assert code(ada, key) == "VALID"
    assert ada.post(f"/api-keys/{parent['id']}/revoke", {}).status_code == 200
    database.sql(f"{AHEAD} WHERE id = %s", parent["id"])
    until(lambda: code(ada, parent) == "REVOKED")
    assert code(ada, child.json) == "REVOKED"
