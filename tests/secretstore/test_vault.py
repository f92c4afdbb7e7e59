"""Test the Vault store with errors: a real OpenBao sealed, stopped, refusing; and network errors.

What a real server does not do on demand (an error once, a page of a proxy, silence) comes from a
socket with scripted responses.
"""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Barrier, Thread
from time import monotonic

import pytest
import urllib3
from structlog.testing import capture_logs

from portal.core import deadlines
from portal.core.errors import PortalError
from portal.secretstore import (
    PatchUnsupported,
    SecretConflict,
    SecretDenied,
    SecretNotFound,
    SecretRef,
    SecretStore,
    Side,
    StoreSealed,
    StoreState,
    StoreUnavailable,
)
from portal.secretstore.vault import AppRole, Breaker, StaticToken, Transport, VaultStore
from portal.secretstore.vault import store as vault_store
from tests.secretstore.openbao import OwnOpenBao, own_openbao

CANARY = "canary-0a1b2c3d-canary"
DATA = {"password": CANARY}
WHY = "vault test"
SOON = urllib3.Timeout(connect=0.2, read=0.2)
PATIENT = urllib3.Timeout(connect=20, read=20)


def every_verb(store: SecretStore, ref: SecretRef) -> list[Callable[[], object]]:
    return [
        lambda: store.put(ref, DATA, cas=0),
        lambda: store.put(ref, DATA, cas=None),
        lambda: store.patch(ref, DATA, cas=1),
        lambda: store.get(ref, reason=WHY),
        lambda: store.head(ref),
        lambda: store.delete(ref),
        lambda: store.undelete(ref),
        lambda: store.purge(ref),
    ]


def assert_every_verb_raises(
    store: SecretStore, ref: SecretRef, expected: type[PortalError]
) -> PortalError:
    for verb in every_verb(store, ref):
        with pytest.raises(expected) as caught:
            verb()
        assert type(caught.value) is expected
        assert CANARY not in str(caught.value)
        assert ref.owner_id not in str(caught.value)
    return caught.value


class Logins:
    """A login that counts how often a new token was needed."""

    def __init__(self, login: AppRole) -> None:
        self._login = login
        self.tokens: list[str] = []

    def token(self) -> str:
        token = self._login.token()
        if token not in self.tokens:
            self.tokens.append(token)
        return token

    def replace(self, refused: str) -> bool:
        return self._login.replace(refused)

    def refused(self) -> SecretDenied:
        return self._login.refused()


def store_with_logins(bao: OwnOpenBao) -> tuple[VaultStore, Logins]:
    transport = Transport(bao.address)
    logins = Logins(bao.login(transport, "service"))
    return VaultStore(transport, logins), logins


# --- a real server ----------------------------------------------------------------------------


def test_the_path_in_the_server_is_the_specifications(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    own_bao.store().put(ref, DATA, cas=0)
    stored = own_bao.call("GET", ref.path("secret"))
    assert stored["data"]["data"] == DATA


def test_sealed(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    known, fresh = own_bao.store(), own_bao.store()
    known.put(ref, DATA, cas=0)
    own_bao.seal()
    try:
        for store in (known, fresh):
            error = assert_every_verb_raises(store, ref, StoreSealed)
            assert error.status == 503
            assert error.headers["Retry-After"] == "30"
            assert store.health().state is StoreState.SEALED
    finally:
        own_bao.unseal()
    for store in (known, fresh):
        assert store.get(ref, reason=WHY) == DATA
        assert store.health().is_ok


def test_stopped(tmp_path: Path, ref: SecretRef) -> None:
    with own_openbao(tmp_path) as bao:
        bao.prepare()
        store = bao.store()
        store.put(ref, DATA, cas=0)
    started = monotonic()
    error = assert_every_verb_raises(store, ref, StoreUnavailable)
    assert error.headers["Retry-After"]
    assert store.health().state is StoreState.UNAVAILABLE
    assert bao.store().health().state is StoreState.UNAVAILABLE
    assert monotonic() - started < 20


def test_a_revoked_token_is_replaced_unseen(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store, logins = store_with_logins(own_bao)
    store.put(ref, DATA, cas=0)
    own_bao.call("POST", "auth/token/revoke", {"token": logins.tokens[0]})
    assert store.get(ref, reason=WHY) == DATA
    assert len(logins.tokens) == 2


def test_a_second_refusal_is_believed(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store, logins = store_with_logins(own_bao)
    store.put(ref, DATA, cas=0)
    for side in Side:
        own_bao.permit(side, 'path "none/*" {}')
    try:
        with pytest.raises(SecretDenied) as caught:
            store.get(ref, reason=WHY)
        assert caught.value.status == 502
        assert len(logins.tokens) == 2
        assert_every_verb_raises(store, ref, SecretDenied)
        assert store.health().state is StoreState.DENIED
    finally:
        own_bao.prepare()
    assert store.get(ref, reason=WHY) == DATA


def test_wrong_credentials_of_the_portal(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    transport = Transport(own_bao.address)
    store = VaultStore(transport, own_bao.login(transport, secret_id="not-the-one"))
    error = assert_every_verb_raises(store, ref, SecretDenied)
    assert "role id and secret id" in error.detail
    assert "not-the-one" not in error.detail
    health = store.health()
    assert health.state is StoreState.DENIED
    assert "role id and secret id" in health.sentence


def test_a_dead_static_token_is_refused(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store = VaultStore(Transport(own_bao.address), StaticToken("dead"))
    assert_every_verb_raises(store, ref, SecretDenied)
    assert store.health().state is StoreState.DENIED


def test_a_static_token_works(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store = VaultStore(Transport(own_bao.address), StaticToken(own_bao.token))
    store.put(ref, DATA, cas=0)
    assert store.get(ref, reason=WHY) == DATA
    assert store.health().is_ok


def test_a_token_is_replaced_before_it_ends(own_bao: OwnOpenBao) -> None:
    now = 1000.0
    transport = Transport(own_bao.address)
    login = own_bao.login(transport, clock=lambda: now)
    first = login.token()
    now += 20 * 60 * 0.75 - 1
    assert login.token() == first
    now += 1
    assert login.token() != first


def test_threads_that_meet_a_dead_token_log_in_once(own_bao: OwnOpenBao) -> None:
    login = own_bao.login(Transport(own_bao.address))
    dead = login.token()
    assert login.replace(dead)
    alive = login.token()
    assert login.replace(dead)  # a second thread, too late
    assert login.token() == alive


def test_a_destroyed_version_says_so(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store = own_bao.store()
    store.put(ref, DATA, cas=0)
    own_bao.call("PUT", f"secret/destroy/{ref.key}", {"versions": [1]})
    for verb in (
        lambda: store.get(ref, reason=WHY),
        lambda: store.patch(ref, {"n": "1"}, cas=1),
    ):
        with pytest.raises(SecretNotFound) as caught:
            verb()
        assert caught.value.destroyed
        assert not caught.value.deleted
    # The server returns 204 to this and does nothing.
    assert not store.undelete(ref).is_live


def test_a_version_that_will_be_deleted_is_not_yet(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    own_bao.call("POST", f"secret/metadata/{ref.key}", {"delete_version_after": "1h"})
    store = own_bao.store()
    store.put(ref, DATA, cas=0)
    assert store.get(ref, reason=WHY) == DATA
    assert store.head(ref).is_live


def test_what_others_wrote_comes_as_text(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    odd = {"port": 5432, "on": True, "none": None, "deep": {"a": [1]}, "text": "x"}
    own_bao.call("POST", ref.path("secret"), {"data": odd})
    found = own_bao.store().get(ref, reason=WHY)
    assert found == {
        "port": "5432", "on": "true", "none": "null", "deep": '{"a": [1]}', "text": "x",
    }  # fmt: skip


def test_a_mount_that_insists_on_cas(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    own_bao.call("POST", "secret/config", {"cas_required": True})
    try:
        store = own_bao.store()
        assert store.put(ref, DATA, cas=None).number == 1
        assert store.put(ref, DATA, cas=None).number == 2
        with pytest.raises(SecretConflict):
            store.put(ref, DATA, cas=1)
    finally:
        own_bao.call("POST", "secret/config", {"cas_required": False})


def test_a_quota_is_a_moments_wait(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    store = own_bao.store()
    store.put(ref, DATA, cas=0)
    quota = {"path": "secret", "rate": 1, "interval": "1h"}
    own_bao.call("POST", "sys/quotas/rate-limit/tests", quota)
    try:
        store.get(ref, reason=WHY)
        error = assert_every_verb_raises(store, ref, StoreUnavailable)
        assert "moment" in error.detail
    finally:
        own_bao.call("DELETE", "sys/quotas/rate-limit/tests")


@pytest.mark.parametrize("mount", ["old", "nowhere"])
def test_a_mount_that_is_no_kv_2(own_bao: OwnOpenBao, mount: str) -> None:
    own_bao.call("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}}, ok=False)
    store = VaultStore(Transport(own_bao.address), StaticToken(own_bao.token), mount=mount)
    assert store.health().state is StoreState.DENIED


def test_a_namespace_is_a_world_of_its_own(own_bao: OwnOpenBao, ref: SecretRef) -> None:
    own_bao.call("POST", "sys/namespaces/team", {})
    own_bao.call("POST", "team/sys/mounts/secret", {"type": "kv", "options": {"version": "2"}})
    token = StaticToken(own_bao.token)
    inside = VaultStore(Transport(own_bao.address), token, namespace="team")
    inside.put(ref, DATA, cas=0)
    assert inside.get(ref, reason=WHY) == DATA
    assert inside.health().is_ok
    with pytest.raises(SecretNotFound):
        VaultStore(Transport(own_bao.address), token).head(ref)


# --- a server that answers as it is told ------------------------------------------------------


class Script:
    """Record the requests to the socket (`POST /v1/…`), and hold the responses that remain."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.address = ""


def answer(status: int, body: object = None, *, raw: bytes | None = None, head: str = "") -> bytes:
    content = raw if raw is not None else json.dumps({} if body is None else body).encode()
    lines = f"HTTP/1.1 {status} X\r\nContent-Length: {len(content)}\r\n{head}Connection: close\r\n"
    return f"{lines}\r\n".encode() + content


FOUND = answer(
    200,
    {
        "data": {
            "data": DATA,
            "metadata": {"version": 1, "created_time": "2026-01-02T03:04:05.123456789Z"},
        }
    },
)
WRITTEN = answer(200, {"data": {"version": 1, "created_time": "2026-01-02T03:04:05Z"}})
BROKEN = b""
"""Closes the connection without a response."""


@contextmanager
def scripted(*answers: bytes) -> Iterator[Script]:
    script = Script(list(answers))
    with socket.create_server(("127.0.0.1", 0)) as server:
        script.address = f"http://127.0.0.1:{server.getsockname()[1]}"

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    connection.settimeout(5)
                    request = read_request(connection)
                    script.asked.append(request)
                    connection.sendall(script.answers.pop(0) if script.answers else answer(599))

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield script
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def read_request(connection: socket.socket) -> str:
    """Return the request line. Read the rest as well, so that closing does not reset."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = received.partition(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    missing = int(lengths[0].split(b":")[1]) - len(body) if lengths else 0
    while missing > 0:
        missing -= len(connection.recv(65536)) or missing
    return head.split(b"\r\n")[0].decode().removesuffix(" HTTP/1.1")


def scripted_store(script: Script) -> VaultStore:
    return VaultStore(Transport(script.address, PATIENT), StaticToken("token"))


@pytest.mark.parametrize("first", [answer(s) for s in (412, 429, 500, 502, 504)] + [BROKEN])
def test_a_read_is_tried_again(ref: SecretRef, first: bytes) -> None:
    with scripted(first, FOUND) as script:
        assert scripted_store(script).get(ref, reason=WHY) == DATA
    assert script.asked == [f"GET /v1/secret/data/{ref.key}"] * 2


@pytest.mark.parametrize("first", [answer(412), answer(429)])
def test_a_write_that_was_not_carried_out_is_tried_again(ref: SecretRef, first: bytes) -> None:
    with scripted(first, WRITTEN) as script:
        assert scripted_store(script).put(ref, DATA, cas=0).number == 1
    assert len(script.asked) == 2


@pytest.mark.parametrize("first", [answer(s) for s in (500, 502, 504)] + [BROKEN])
def test_a_write_that_may_have_been_carried_out_is_not(ref: SecretRef, first: bytes) -> None:
    with scripted(first, WRITTEN) as script, pytest.raises(StoreUnavailable):
        scripted_store(script).put(ref, DATA, cas=0)
    assert len(script.asked) == 1


@pytest.mark.parametrize(
    "odd",
    [
        answer(200, raw=b"<html>a proxy</html>"),
        answer(200, raw=b"[]"),
        answer(200, raw=b'{"data": null}'),
        answer(200, {"data": {"data": DATA, "metadata": {"version": "x"}}}),
        answer(200, {"data": {"data": DATA, "metadata": {"version": 1, "created_time": "late"}}}),
        answer(200, {"data": {"data": [CANARY], "metadata": {}}}),
        answer(204, raw=b""),
        answer(307, head="Location: http://192.0.2.1/\r\n"),
        answer(418),
        answer(503, raw=b"<html>no backend</html>"),
        b"not http at all\r\n\r\n",
    ],
)
def test_an_answer_that_makes_no_sense(ref: SecretRef, odd: bytes) -> None:
    with scripted(odd, odd) as script:
        with pytest.raises(StoreUnavailable) as caught:
            scripted_store(script).get(ref, reason=WHY)
        assert type(caught.value) is StoreUnavailable
    with scripted(*[odd] * 4) as script:
        assert scripted_store(script).health().state in (StoreState.UNAVAILABLE, StoreState.DENIED)


def test_a_server_without_patch_says_so_plainly(ref: SecretRef) -> None:
    unsupported = answer(405, {"errors": ["1 error occurred: unsupported operation"]})
    with scripted(unsupported) as script, pytest.raises(PatchUnsupported) as caught:
        scripted_store(script).patch(ref, DATA, cas=1)
    assert caught.value.status == 409
    assert "Enter all fields again" in caught.value.detail


def test_a_400_that_is_no_conflict_is_not_called_one(ref: SecretRef) -> None:
    metadata = answer(200, {"data": {"current_version": 3, "versions": {}}})
    refused = answer(400, {"errors": [CANARY]})
    with scripted(refused, metadata) as script, pytest.raises(StoreUnavailable) as caught:
        scripted_store(script).put(ref, DATA, cas=3)
    assert CANARY not in str(caught.value)


def test_the_servers_own_words_are_not_repeated(ref: SecretRef) -> None:
    words = answer(500, {"errors": ["failed to connect to `user=bao host=/var/run`"]})
    with (
        scripted(words, words) as script,
        capture_logs() as logs,
        pytest.raises(StoreUnavailable) as caught,
    ):
        scripted_store(script).get(ref, reason=WHY)
    assert "user=bao" not in str(caught.value) + repr(logs)
    assert [entry["status"] for entry in logs] == [500]


@contextmanager
def crowded(barrier: Barrier) -> Iterator[str]:
    """Yield the address of a server that answers only when so many requests wait at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            barrier.wait()
            self.wfile.write(FOUND)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_many_are_read_some_at_a_time() -> None:
    refs = [SecretRef("acme", "connectors", f"con_{n}", "credentials") for n in range(16)]
    with crowded(Barrier(8, timeout=10)) as address:
        store = VaultStore(Transport(address, PATIENT), StaticToken("token"))
        assert set(store.get_many(refs, reason=WHY)) == set(refs)


def test_many_have_less_time_together_than_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    assert vault_store.TOGETHER_SECONDS < deadlines.IDLE_IN_TRANSACTION_SECONDS
    monkeypatch.setattr(vault_store, "TOGETHER_SECONDS", 0.1)
    refs = [SecretRef("acme", "connectors", f"con_{n}", "credentials") for n in range(20)]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = VaultStore(Transport(address, PATIENT), StaticToken("token"))
        with pytest.raises(StoreUnavailable, match="too slowly"):
            store.get_many(refs, reason=WHY)


def asked(silent: socket.socket) -> int:
    """Return how many connections have come to a server that never answers."""
    silent.setblocking(False)
    found = 0
    with suppress(BlockingIOError):
        while True:
            silent.accept()[0].close()
            found += 1
    return found


def test_hanging(ref: SecretRef) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        store = VaultStore(Transport(address, SOON), StaticToken("token"))
        with pytest.raises(StoreUnavailable):
            store.get(ref, reason=WHY)
        assert asked(silent) == 1  # a timeout is not retried
        assert store.health().state is StoreState.UNAVAILABLE


def test_a_store_that_hangs_costs_no_thread_its_time(ref: SecretRef) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        breaker = Breaker(failures=2, pause=60)
        store = VaultStore(Transport(address, SOON, breaker), StaticToken("token"))
        for _ in range(2):
            with pytest.raises(StoreUnavailable):
                store.get(ref, reason=WHY)
        for _ in range(50):
            with pytest.raises(StoreUnavailable):
                store.get(ref, reason=WHY)
        assert asked(silent) == 2


def test_one_caller_finds_out_that_a_store_is_back(ref: SecretRef) -> None:
    breaker = Breaker(failures=1, pause=0)
    with scripted(BROKEN, BROKEN, FOUND, FOUND) as script:
        store = VaultStore(Transport(script.address, PATIENT, breaker), StaticToken("token"))
        with pytest.raises(StoreUnavailable):
            store.get(ref, reason=WHY)
        assert store.get(ref, reason=WHY) == DATA
        assert store.get(ref, reason=WHY) == DATA


def test_a_breaker_lets_one_through_after_its_pause() -> None:
    now = 0.0
    breaker = Breaker(failures=1, pause=5, clock=lambda: now)
    breaker.enter()
    breaker.leave(answered=False)
    with pytest.raises(StoreUnavailable):
        breaker.enter()
    now = 5.0
    breaker.enter()
    with pytest.raises(StoreUnavailable):
        breaker.enter()
    breaker.leave(answered=True)
    breaker.enter()
    breaker.enter()


@pytest.mark.parametrize("status", [400, 403])
def test_refused_credentials_are_not_tried_over_and_over(status: int) -> None:
    # The server locks a role after five refusals, so that even correct credentials would not work.
    now = 1000.0
    granted = answer(200, {"auth": {"client_token": "t", "lease_duration": 60}})
    with scripted(answer(status), granted) as script:
        login = AppRole(Transport(script.address, PATIENT), {}, "role", CANARY, clock=lambda: now)
        for _ in range(20):
            with pytest.raises(SecretDenied):
                login.token()
        assert len(script.asked) == 1
        now += 60
        assert login.token() == "t"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"auth": None}, StoreUnavailable),
        ({"auth": {"client_token": "t", "lease_duration": "x"}}, StoreUnavailable),
        ({"auth": {"client_token": "t", "lease_duration": 0}}, None),
    ],
)
def test_answers_to_a_login(body: object, error: type[PortalError] | None) -> None:
    with scripted(answer(200, body)) as script:
        login = AppRole(Transport(script.address, PATIENT), {}, "role", CANARY)
        if error is None:
            assert login.token() == "t"
            assert login.token() == "t"
        else:
            with pytest.raises(error):
                login.token()
    assert script.asked == ["POST /v1/auth/approle/login"]
