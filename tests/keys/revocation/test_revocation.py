"""A revocation while two server processes get a hundred requests a second about the key."""

import http.client
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from flask import Flask
from sqlalchemy.exc import ProgrammingError

from portal.core.config import libpq_url
from portal.keys.revocation import revocation
from portal.keys.verification.verifier import KeyVerifier
from tests.bench.servers import free_port, portal_serving
from tests.cast import PREFIX, Api
from tests.databases import Database
from tests.keys.limits.waiting import until
from tests.thorough import IS_PROOF

BOUND_SECONDS = 1.0
CALLERS, PAUSE_SECONDS = 4, 0.08  # for each process; together nearly a hundred calls a second


@dataclass
class Callers:
    """Programs that verify a key with one process, again and again, over connections of their
    own."""

    port: int
    caller: str
    question: str
    answers: list[tuple[float, str]] = field(default_factory=list)  # asked at, code
    stop: threading.Event = field(default_factory=threading.Event)

    def ask(self) -> None:
        """Verify the key again and again, until `stop` is set."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        headers = {"Authorization": f"Bearer {self.caller}", "Content-Type": "application/json"}
        while not self.stop.wait(PAUSE_SECONDS):
            asked_at = time.monotonic()
            connection.request("POST", f"{PREFIX}/api-keys/verify", self.question, headers)
            answer = json.loads(connection.getresponse().read())
            self.answers.append((asked_at, answer["code"]))
        connection.close()

    def since(self, moment: float) -> list[str]:
        """Return the answers to the requests that were sent after a moment."""
        return [code for asked_at, code in self.answers if asked_at > moment]


@contextmanager
def calling(port: int, caller: str, key: str) -> Iterator[Callers]:
    """Run callers in threads until the block ends."""
    callers = Callers(port, caller, json.dumps({"key": key}))
    threads = [threading.Thread(target=callers.ask, daemon=True) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield callers
    finally:
        callers.stop.set()
        for thread in threads:
            thread.join(20)


@contextmanager
def process(settings: dict[str, str], caller: str, key: str) -> Iterator[Callers]:
    """Run a separate server process on the tests' database, and callers of it."""
    port = free_port()
    own = {**settings, "PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    with portal_serving(own, port), calling(port, caller, key) as callers:
        yield callers


@pytest.fixture
def settings(_settings: dict[str, str]) -> dict[str, str]:
    """Return the settings of a server process on the tests' database."""
    return dict(_settings)


@pytest.mark.proof
def test_a_revoked_key_opens_in_no_process_a_second_later(
    settings: dict[str, str], ada: Api, database: Database
) -> None:
    issued = ada.create("api-keys")
    caller = ada.create("api-keys", scopes=["keys:verify"])
    asked = settings, caller["key"], issued["key"]
    many = 2 if IS_PROOF else 1  # beside the process of the test, which revokes the key
    with ExitStack() as stack:
        each = [stack.enter_context(process(*asked)) for _ in range(many)]

        def all_asked(since: float) -> bool:
            return all(len(callers.since(since)) > 25 for callers in each)

        # A process caches keys, and listens for their changes, from its first request on.
        # The tests' own process may be a verifier, too.
        listening = "SELECT count(*) FROM key_verifier WHERE process <> %s"
        until(lambda: database.sql(listening, os.getpid()) == many, 60)
        begun = time.monotonic()
        until(lambda: all_asked(begun), 60)
        assert {code for callers in each for _, code in callers.answers} == {"VALID"}
        assert ada.post(f"/api-keys/{issued['id']}/revoke").status_code == 200
        revoked_at = time.monotonic()
        until(lambda: time.monotonic() > revoked_at + 2 * BOUND_SECONDS, 10)
        until(lambda: all_asked(revoked_at), 60)
        for callers in each:
            late = [asked_at for asked_at, code in callers.answers if code == "VALID"]
            assert max(late) - revoked_at <= BOUND_SECONDS
            assert callers.since(revoked_at)[-1] == "REVOKED"


# ---------------------------------------------------------------- mistakes of other products


def test_trap_1_a_key_that_was_rotated_away_opens_in_no_process(
    app: Flask, ada: Api, database: Database
) -> None:
    other = KeyVerifier(app, database.app_url, 2)  # as in another process
    other.begin_now()
    try:
        assert other.watch
        assert other.watch.listening.wait(10)
        issued = ada.create("api-keys")
        assert not isinstance(other.find(issued["key"]), str)
        assert ada.post(f"/api-keys/{issued['id']}/rotations", {"overlap": "now"}).json

        def is_over() -> bool:
            key = other.find(issued["key"])
            return not isinstance(key, str) and key.revoked_at is not None

        until(is_over)
    finally:
        other.end()


def test_trap_3_a_rotation_that_cannot_be_written_leaves_the_old_key_as_it_was(
    ada: Api, database: Database
) -> None:
    issued = ada.create("api-keys")
    path = f"/api-keys/{issued['id']}"
    with forbidden(database, "INSERT ON key_rotation"), pytest.raises(ProgrammingError):
        ada.post(f"{path}/rotations", {"overlap": "now"})
    assert ada.get(path).json == {k: v for k, v in issued.items() if k not in ("key", "key_hash")}
    assert ada.post("/api-keys/verify", {"key": issued["key"]}).json["code"] == "VALID"
    assert len(ada.get("/api-keys").json["items"]) == 1
    [made] = ada.get(f"{path}/history").json["items"]
    assert made["action"] == "key.created"


@contextmanager
def forbidden(database: Database, right: str) -> Iterator[None]:
    """Take a right away from the portal's role until the block ends."""
    with psycopg.connect(libpq_url(database.owner_url), autocommit=True) as owner:
        owner.execute(f"REVOKE {right} FROM portal_app")  # type: ignore[arg-type]
        try:
            yield
        finally:
            owner.execute(f"GRANT {right} TO portal_app")  # type: ignore[arg-type]


def test_more_keys_than_at_once_are_not_revoked_and_as_many_are(
    ada: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "AT_ONCE", 3)
    for number in range(4):
        ada.create("api-keys", name=f"Old {number}", tags=["old"])
    old = {"tag": "old", "dry_run": False, "reason": "leaked"}
    refused = ada.post("/api-keys/revocations", old)
    assert refused.status_code == 409
    assert "These are 4 keys. Narrow it down to 3 at once." in refused.json["detail"]
    keys = ada.get("/api-keys").json["items"]
    assert {key["status"] for key in keys} == {"active"}
    ada.post(f"/api-keys/{keys[0]['id']}/revoke", {"reason": "leaked"})
    done = ada.post("/api-keys/revocations", old)
    assert (done.status_code, done.json["count"]) == (200, 3)
    assert {key["status"] for key in ada.get("/api-keys").json["items"]} == {"revoked"}
