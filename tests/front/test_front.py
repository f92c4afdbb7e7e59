"""Test the front of the web server: a slow request costs no thread, and nobody can block it."""

import gzip
import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from portal.core.config import libpq_url
from portal.front import bodies
from portal.front.answers import large_answers
from portal.front.application import DOORS, KEY_THREADS, OF_ONE_ADDRESS, SLOTS
from portal.keys.decision import format as key_format
from portal.outbound.client import OF_ONE_TENANT
from tests.bench.servers import ROOT, free_port, portal_serving
from tests.cast import PREFIX, Api
from tests.databases import Database
from tests.front.kit import (
    SECONDS,
    ask,
    connected,
    head,
    many_connected,
    silent,
    status_of,
    until,
    whole_answer,
)
from tests.thorough import some

VERIFY = f"{PREFIX}/api-keys/verify"
PROMISED_SECONDS, ROUNDS = 1.0, 5
BEHIND_A_PROXY = {"PORTAL_TRUSTED_PROXIES": "127.0.0.0/8"}
EVERYWHERE = "0.0.0.0"  # noqa: S104 - the test needs it
PUBLIC = (
    "/auth/backchannel-logout",
    "/oauth/token",
    "/oauth/introspect",
    "/keys/link",
    "/in/whk_01J00000000000000000000000",
    "/look",
    "/auth/logout",
    f"{PREFIX}/secret-scanning/github",
    VERIFY,
)


@pytest.fixture(scope="module")
def environment(_settings: dict[str, str]) -> dict[str, str]:
    """Return the settings of a portal on the test's database."""
    return _settings


@pytest.fixture(scope="module")
def port(environment: dict[str, str]) -> Iterator[int]:
    port = free_port()
    address = {"PORTAL_BASE_URL": f"http://127.0.0.1:{port}"}
    with portal_serving(environment | address | BEHIND_A_PROXY, port):
        yield port


@dataclass(frozen=True)
class Asking:
    """Ordinary requests to the portal. Each must succeed, and returns the seconds that it took."""

    port: int
    ada: Api
    caller: dict[str, str]
    known: str

    def health(self) -> float:
        begun = time.monotonic()
        assert ask(self.port, "GET", "/healthz") == (200, b"ok\n")
        return time.monotonic() - begun

    def page(self) -> float:
        begun = time.monotonic()
        assert ask(self.port, "GET", "/")[0] == 303  # to sign in
        return time.monotonic() - begun

    def verification(self, key: str = "") -> float:
        """Ask about a key, by default about one that is in memory."""
        begun = time.monotonic()
        status, answer = ask(self.port, "POST", VERIFY, {"key": key or self.known}, self.caller)
        assert (status, json.loads(answer)["code"]) == (200, "VALID")
        return time.monotonic() - begun

    def all_in_time(self) -> None:
        """Check that all are answered within a second.

        A busy machine may delay some of them. What keeps them waiting would delay each of them.
        """
        slow = {"health": self.health, "page": self.page, "verification": self.verification}
        for _ in range(ROUNDS):
            slow = {name: ask for name, ask in slow.items() if ask() > PROMISED_SECONDS}
            if not slow:
                return
        pytest.fail(f"{', '.join(slow)} took longer than {PROMISED_SECONDS} s each time")


@pytest.fixture
def asking(port: int, ada: Api) -> Asking:
    caller = ada.create("api-keys", scopes=["keys:verify"])["key"]
    headers = {"Authorization": f"Bearer {caller}", "Content-Type": "application/json"}
    made = Asking(port, ada, headers, ada.create("api-keys")["key"])
    made.verification()  # puts both keys in memory
    return made


@pytest.fixture
def all_is_answered(asking: Asking) -> Callable[[], None]:
    """Return a check that a page, a verification and the health check are answered in time."""
    asking.all_in_time()
    return asking.all_in_time


def test_the_threads_of_a_web_process_begin_on_one_cpu(environment: dict[str, str]):
    def confined() -> int:
        found = 0
        for task in Path(f"/proc/{server.pid}/task").iterdir():
            with suppress(ProcessLookupError):  # a thread of the start that has ended
                found += len(os.sched_getaffinity(int(task.name))) == 1
        return found

    port = free_port()
    with portal_serving(environment, port) as server:
        until(lambda: confined() >= SLOTS + KEY_THREADS)


def test_a_key_that_the_loop_does_not_know_is_told_who_issues_tokens(port: int):
    issuers = f"http://127.0.0.1:{port}/.well-known/oauth-protected-resource"
    for path in DOORS:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        connection.request("POST", path, b"{}", {"Authorization": "Bearer sk-acme-nobody"})
        answer = connection.getresponse()
        connection.close()
        named = issuers + PREFIX if path.startswith(PREFIX) else issuers
        said = f'Bearer error="invalid_token", resource_metadata="{named}"'
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, said), path


def test_a_fault_of_our_own_on_the_loop_is_a_problem_with_a_request_id(
    asking: Asking, ada: Api, database: Database
):
    counted = ada.create("api-keys", max_uses=100)["key"]
    asking.verification(counted)  # puts it in memory, so the loop answers the next call
    rename = "ALTER FUNCTION {}(jsonb, integer, integer) RENAME TO {}"
    database.sql(rename.format("admit_calls", "gone"))
    try:
        status, answer = ask(asking.port, "POST", VERIFY, {"key": counted}, asking.caller)
    finally:
        database.sql(rename.format("gone", "admit_calls"))
    problem = json.loads(answer)
    assert (status, problem["status"]) == (500, 500)
    assert problem["request_id"].startswith("req_")
    assert "request id" in problem["detail"]
    asking.verification(counted)


@pytest.mark.parametrize("said", [b"", b"a"], ids=["nothing", "one byte"])
def test_bodies_that_do_not_come_keep_nobody_waiting(
    port: int, all_is_answered: Callable[[], None], said: bytes
):
    with ExitStack() as stack:
        stuck = [
            stack.enter_context(connected(port, head("POST", path, content_length="10") + said))
            for path in PUBLIC
            for _ in range(3)
        ]
        all_is_answered()
        assert silent(stuck) == stuck, "they were refused, so this proves nothing"


def test_of_one_source_only_so_many_bodies_may_be_slow(port: int):
    more = bodies.SLOW_BODIES + 8
    with many_connected(port, more, head("POST", "/look", content_length="10")) as slow:
        until(lambda: len(silent(slow)) <= bodies.SLOW_BODIES)
        refused = [one for one in slow if one not in silent(slow)]
        assert {status_of(one) for one in refused[:8]} == {429}


@pytest.mark.parametrize("sent", [0, bodies.LARGEST - 1], ids=["nothing", "nearly all"])
def test_bodies_of_some_sources_take_no_room_from_another(port: int, sent: int):
    """Hold as many unfinished bodies of three sources as there is room for."""
    began = b"%x\r\n%b\r\n" % (sent, bytes(sent)) if sent else b""
    with ExitStack() as stack:
        for number in range(bodies.ROOM // bodies.LARGEST):
            stack.enter_context(connected(port, chunked_of(number % 3) + began))
        for size in (2, 300_000) * 100:  # some before all has arrived, some after it
            whole = b"%x\r\n%b\r\n0\r\n\r\n" % (size, bytes(size))
            with connected(port, chunked_of(3) + whole) as other:
                assert status_of(other) == 401


def chunked_of(source: int) -> bytes:
    """Return the head of a request with a body of unknown length, from one of some sources."""
    address = f"203.0.113.{source}"
    headers = {"transfer_encoding": "chunked", "x_forwarded_for": address}
    return head("POST", f"{PREFIX}/events", **headers)


def test_thousands_of_idle_connections_keep_nobody_waiting(
    port: int, all_is_answered: Callable[[], None]
):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    with many_connected(port, 2000) as idle:
        all_is_answered()
        assert len(silent(idle)) == len(idle)


def test_an_address_gets_the_document_without_gzip_only_so_often(port: int):
    asked, path = 100, f"{PREFIX}/openapi.json"
    elsewhere = {"X-Forwarded-For": "203.0.113.7"}  # other tests ask for it from here
    begun = time.monotonic()
    heard = Counter(ask(port, "GET", path, headers=elsewhere)[0] for _ in range(asked))
    seconds = time.monotonic() - begun
    assert heard.keys() == {200, 429}
    assert heard[200] <= large_answers.MOST * (seconds + 2)
    zipped = elsewhere | {"Accept-Encoding": "gzip"}
    assert {ask(port, "GET", path, headers=zipped)[0] for _ in range(asked)} == {200}


def test_half_closed_connections_keep_nobody_waiting(
    port: int, all_is_answered: Callable[[], None]
):
    with many_connected(port, 200, head("POST", "/look", content_length="10")) as half:
        for one in half:
            one.shutdown(socket.SHUT_WR)
        all_is_answered()


def test_what_does_not_come_whole_is_refused_and_its_connection_closed_after_ten_seconds(
    port: int,
):
    ask = b"GET /healthz HTTP/1.1\r\nHost: a"
    begun = time.monotonic()
    with (
        connected(port, head("POST", "/oauth/token", content_length="10") + b"abc") as slow_body,
        connected(port) as never_used,
        connected(port, ask + b"\r\n\r\n") as used_once,
        connected(port, ask) as half_a_head,
    ):
        for one in (never_used, used_once, half_a_head):
            whole_answer(one)  # returns: the server closes it
            assert 9 < time.monotonic() - begun < 40, "README tells proxies to give up before"
        answer = whole_answer(slow_body)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 10 s" in answer


@pytest.mark.parametrize("path", ["/oauth/token", "/look", VERIFY, "/in/whk_1"])
def test_a_body_that_is_too_large_is_refused_before_it_comes(port: int, path: str):
    largest = bodies.LARGEST_OF.get(path, bodies.LARGEST)
    with connected(port, head("POST", path, content_length=str(largest + 1))) as large:
        answer = whole_answer(large)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert (b"application/problem+json" in answer) == (path in ("/oauth/token", VERIFY))


def test_a_body_without_a_length_is_refused_when_it_has_become_too_large(port: int):
    piece = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    begin = head("POST", "/in/whk_1", transfer_encoding="chunked")
    with connected(port, begin) as large:
        answer = b""
        try:
            for _ in range(17):
                large.sendall(piece)
            answer = whole_answer(large)
        except ConnectionError:  # closed while we were still sending
            return
        assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_in_tiny_pieces_is_refused_before_it_has_come(port: int):
    begin = head("POST", f"{PREFIX}/applications", transfer_encoding="chunked")
    with connected(port, begin) as tiny:
        # As many as are taken, and one more; it sends no end, so the portal does not wait for one.
        tiny.sendall(b"1\r\na\r\n" * (bodies.PIECES + 1))
        answer = whole_answer(tiny)
    assert answer.startswith(b"HTTP/1.1 400 ")
    [problem] = json.loads(answer.partition(b"\r\n\r\n")[2])["errors"]
    assert (problem["field"], "larger pieces" in problem["message"]) == ("body", True)


JSON = b'{"display_name": "Cut"}'
CHUNKED = {"transfer_encoding": "chunked"}


def registering(ada: Api, length: dict[str, str]) -> bytes:
    """Return the head of a request that registers an application with a key."""
    key = ada.create("api-keys", scopes=["applications:write"])["key"]
    said = {"authorization": f"Bearer {key}", "content_type": "application/json"}
    return head("POST", f"{PREFIX}/applications", **said, **length)


@pytest.mark.parametrize(
    ("length", "sent"),
    [
        ({"content_length": "100"}, JSON),
        ({"content_length": "100000"}, JSON),
        ({"content_length": "100000"}, b""),
        (CHUNKED, b"17\r\n" + JSON + b"\r\n"),
        (CHUNKED, b"20\r\n" + JSON),
        (CHUNKED, b"no length\r\n" + JSON),
        (CHUNKED, b""),
    ],
    ids=["short", "long", "nothing", "a chunk", "half a chunk", "no chunk", "no chunks"],
)
def test_a_body_that_is_cut_off_is_not_taken_for_the_whole(
    port: int, ada: Api, length: dict[str, str], sent: bytes
):
    with connected(port, registering(ada, length) + sent) as cut:
        cut.shutdown(socket.SHUT_WR)
        answer = whole_answer(cut)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"ended before it was whole" in answer
    assert ada.get("/applications").json["items"] == []


def test_a_body_with_trailers_is_refused_with_what_to_do(port: int, ada: Api):
    chunks = b"%x\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (len(JSON), JSON)
    with connected(port, registering(ada, CHUNKED) + chunks) as sent:
        answer = whole_answer(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    [problem] = json.loads(answer.partition(b"\r\n\r\n")[2])["errors"]
    assert (problem["field"], "without trailers" in problem["message"]) == ("body", True)
    assert ada.get("/applications").json["items"] == []


@pytest.mark.parametrize(
    ("number", "size"), [(bodies.PIECES - 2, 1), (bodies.PIECES + 10, bodies.PIECE + 1)]
)
def test_a_body_in_many_pieces_is_taken_whole(port: int, ada: Api, number: int, size: int):
    pieces = [JSON[:-1], *[b" " * size] * number, JSON[-1:]]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    with connected(port, registering(ada, CHUNKED) + chunks) as sent:
        assert status_of(sent) == 201


def test_a_body_in_chunks_is_taken_whole(port: int, ada: Api):
    with connected(port, registering(ada, CHUNKED)) as slow:
        for piece in (JSON[:9], JSON[9:]):
            slow.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        slow.sendall(b"0\r\n\r\n")
        assert status_of(slow) == 201
    [made] = ada.get("/applications").json["items"]
    assert made["display_name"] == "Cut"


@pytest.mark.parametrize(
    "header",
    [
        b'If-Match: "7", "\xe9"',
        b'Prefer: validate-only, because="caf\xc3\xa9"',
        b"Idempotency-Key: \xff",
        b"X-Forwarded-For: \xe9, 192.0.2.1",
        b"Idempotency-Key: first\r\nIdempotency-Key: second",
    ],
)
def test_a_header_that_cannot_be_obeyed_is_not_left_out(port: int, ada: Api, header: bytes):
    name = header.partition(b":")[0].decode()
    asked = registering(ada, {"Content-Length": str(len(JSON))})
    with connected(port, asked.replace(b"\r\n", b"\r\n" + header + b"\r\n", 1) + JSON) as sent:
        answer = whole_answer(sent)
    assert answer.startswith(b"HTTP/1.1 400 ")
    problem = json.loads(answer.partition(b"\r\n\r\n")[2])
    assert [error["field"] for error in problem["errors"]] == [name]
    assert ada.get("/applications").json["items"] == []


@pytest.mark.parametrize("path", ["/events", "/api-keys/verify"])
def test_a_version_is_asked_of_no_operation_without_a_record(port: int, ada: Api, path: str):
    """Also where the loop answers keys without the application."""
    key = ada.create("api-keys", scopes=["events:publish", "keys:verify"])["key"]
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = {"type": "order.created", "data": {}} if path == "/events" else {"key": key}
    status, _ = ask(port, "POST", PREFIX + path, body, headers)
    assert status in (200, 202)
    status, answer = ask(port, "POST", PREFIX + path, body, headers | {"If-Match": '"1"'})
    assert (status, json.loads(answer)["errors"][0]["field"]) == (400, "If-Match")


@dataclass(frozen=True)
class Waiting:
    """Calls that wait for a lock in PostgreSQL, each from another network."""

    port: int
    database: Database

    def meanwhile(
        self, lock: str, threads: int, calls: list[bytes], check: Callable[[], None]
    ) -> None:
        """Run the check while all of the threads wait with these calls.

        A wait for a lock is short, so a check may outlast it on a busy machine: it is tried again.
        A check that needs one of the threads outlasts it each time.
        """
        if not any(self._all_waited(lock, threads, calls, check) for _ in range(ROUNDS)):
            pytest.fail("it was answered only when a thread was free again")

    def _all_waited(
        self, lock: str, threads: int, calls: list[bytes], check: Callable[[], None]
    ) -> bool:
        with (
            psycopg.connect(libpq_url(self.database.superuser_url)) as holding,
            ExitStack() as stack,
        ):
            holding.execute(lock)
            stuck = [stack.enter_context(connected(self.port, call)) for call in calls]

            def wait() -> bool:
                return self.database.waiting() >= threads and silent(stuck) == stuck

            until(lambda: wait() or silent(stuck) != stuck)
            check()
            all_waited = wait()
            holding.rollback()
            for one in stuck:
                status_of(one)
        return all_waited


@pytest.fixture
def waiting(port: int, database: Database) -> Waiting:
    return Waiting(port, database)


def addresses(many: int) -> Iterator[str]:
    return (f"203.0.113.{number}" for number in range(many))


def test_what_is_in_memory_and_the_checks_of_keys_are_answered_while_all_pages_wait(
    port: int, ada: Api, asking: Asking, waiting: Waiting
):
    path = f"{PREFIX}/applications/{ada.create('applications')['id']}"
    key = ada.create("api-keys", scopes=["applications:write"])["key"]
    body = b'{"display_name": "Held"}'
    said = {"authorization": f"Bearer {key}", "if_match": "*", "content_length": str(len(body))}
    said["content_type"] = "application/merge-patch+json"
    calls = [
        head("PATCH", path, x_forwarded_for=address, **said) + body
        for address in addresses(2 * SLOTS)
    ]
    unknown = [ada.create("api-keys")["key"] for _ in range(ROUNDS)]

    def check() -> None:
        asking.health()
        asking.verification()
        asking.verification(unknown.pop())
        assert ask(port, "GET", "/static/css/base.css")[0] == 200
        assert ask(port, "GET", f"{PREFIX}/openapi.json")[0] == 200

    waiting.meanwhile("SELECT FROM application FOR UPDATE", SLOTS, calls, check)


def test_a_process_whose_threads_all_wait_says_that_it_is_ready(port: int, waiting: Waiting):
    nobody = f"tnt_{'0' * 26}.{'x' * 43}"  # its session is looked for
    calls = [
        head("GET", "/", cookie=f"cpod-{port}={nobody}", x_forwarded_for=address)
        for address in addresses(2 * SLOTS)
    ]

    def check() -> None:
        for path in ("/readyz", "/readyz?for=writes", "/readyz"):
            assert ask(port, "GET", path) == (200, b"ok\n")

    lock = "LOCK TABLE web_session IN ACCESS EXCLUSIVE MODE"
    waiting.meanwhile(lock, SLOTS, calls, check)


def test_what_is_in_memory_and_pages_are_answered_while_all_checks_of_keys_wait(
    port: int, asking: Asking, waiting: Waiting
):
    calls = [
        head(
            "POST", VERIFY, x_forwarded_for=address, content_length="2",
            authorization=f"Bearer {key_format.generate('acme', 'service').text}",
            content_type="application/json",
        ) + b"{}"
        for address in addresses(2 * SLOTS)
    ]  # fmt: skip

    def check() -> None:
        asking.health()
        asking.verification()
        asking.page()

    lock = "LOCK TABLE unknown_key_source IN EXCLUSIVE MODE"
    waiting.meanwhile(lock, KEY_THREADS, calls, check)


def test_keys_of_a_tenant_wait_in_one_line_however_they_are_written(
    port: int, ada: Api, gus: Api, waiting: Waiting
):
    path = f"{PREFIX}/applications/{ada.create('applications')['id']}"
    key = ada.create("api-keys", scopes=["applications:write"])["key"]
    body = b'{"display_name": "Held"}'
    said = {"if_match": "*", "content_length": str(len(body)), "x_forwarded_for": "203.0.113.1"}
    said["content_type"] = "application/merge-patch+json"
    schemes = [f"{name}{' ' * number}" for name in ("Bearer", "bEARER") for number in range(1, 9)]
    calls = [head("PATCH", path, authorization=scheme + key, **said) + body for scheme in schemes]
    quiet = gus.create("api-keys", scopes=["applications:read"])["key"]
    headers = {"Authorization": f"Bearer {quiet}", "X-Forwarded-For": "203.0.113.1"}

    def check() -> None:
        for _ in range(20):
            assert ask(port, "GET", f"{PREFIX}/applications", None, headers)[0] == 200

    waiting.meanwhile("SELECT FROM application FOR UPDATE", 1, calls, check)


def test_an_address_with_many_credentials_leaves_the_others_a_thread(
    port: int, gus: Api, waiting: Waiting
):
    nobody = f"tnt_{'0' * 26}.{'x' * 40}"  # its session is looked for
    calls = [
        head("GET", "/", cookie=f"cpod-{port}={nobody}{number:03}", x_forwarded_for="203.0.113.1")
        for number in range(2 * SLOTS)
    ]
    quiet = gus.create("api-keys", scopes=["applications:read"])["key"]
    headers = {"Authorization": f"Bearer {quiet}", "X-Forwarded-For": "203.0.113.2"}

    def check() -> None:
        for _ in range(20):
            assert ask(port, "GET", f"{PREFIX}/applications", None, headers)[0] == 200

    lock = "LOCK TABLE web_session IN ACCESS EXCLUSIVE MODE"
    waiting.meanwhile(lock, OF_ONE_ADDRESS, calls, check)


def test_receivers_that_do_not_answer_hold_no_thread(port: int, ada: Api, gus: Api):
    """Check this with the receivers of two tenants, and calls from one address."""
    quiet = gus.create("api-keys", scopes=["applications:read"])["key"]
    with socket.create_server(("127.0.0.1", 0)) as receiver, ExitStack() as stack:
        calls = [
            call
            for tenant in (ada, gus)
            for call in _tests_of(tenant, receiver.getsockname()[1], 2 * SLOTS)
        ]
        stuck = [stack.enter_context(connected(port, call)) for call in calls]
        until(lambda: len(silent(stuck)) == 2 * OF_ONE_TENANT, SECONDS / 2)
        headers = {"Authorization": f"Bearer {quiet}"}
        for _ in range(20):
            assert ask(port, "GET", f"{PREFIX}/applications", None, headers)[0] == 200
        waiting = silent(stuck)
        assert len(waiting) == 2 * OF_ONE_TENANT
        assert {status_of(one) for one in stuck if one not in waiting} == {429}
        receiver.close()
        assert {status_of(one) for one in waiting} == {201}


def _tests_of(tenant: Api, receiver: int, many: int) -> Iterator[bytes]:
    """Yield calls for test deliveries to a receiver that listens on a port of this machine."""
    key = tenant.create("api-keys", scopes=["webhooks:write"])["key"]
    hook = {"url": f"http://127.0.0.1:{receiver}", "event_types": ["rfp.*"]}
    hook["retry_policy"] = {"timeoutMs": 30_000}
    made = [tenant.create("webhooks", name=name, **hook)["id"] for name in ("One", "Two")]
    body = b'{"event_type": "rfp.created"}'
    said = {"authorization": f"Bearer {key}", "content_length": str(len(body))}
    said["content_type"] = "application/json"
    for number in range(many):
        yield head("POST", f"{PREFIX}/webhooks/{made[number % 2]}/test-deliveries", **said) + body


def test_requests_in_hand_are_answered_when_the_server_is_stopped(
    environment: dict[str, str], ada: Api, database: Database
):
    """Check this for one whose body is still to come, and for one that waits in a thread."""
    form = b"grant_type=x"
    coming = head(
        "POST", "/oauth/token", content_length=str(len(form)), host="localhost",
        content_type="application/x-www-form-urlencoded",
    ).replace(b"Host: 127.0.0.1\r\n", b"")  # fmt: skip
    path = f"{PREFIX}/applications/{ada.create('applications')['id']}"
    key = ada.create("api-keys", scopes=["applications:write"])["key"]
    body = b'{"display_name": "Held"}'
    said = head(
        "PATCH", path, authorization=f"Bearer {key}", if_match="*",
        content_type="application/merge-patch+json", content_length=str(len(body)),
    )  # fmt: skip
    port = free_port()
    with (
        ExitStack() as stack,
        portal_serving(environment, port) as server,
        psycopg.connect(libpq_url(database.superuser_url)) as holding,
    ):
        holding.execute("SELECT FROM application FOR UPDATE")
        asked = stack.enter_context(connected(port, said + body))
        begun = stack.enter_context(connected(port, coming + form[:5]))
        until(database.waiting)
        until(lambda: _answers(port))
        os.kill(_parent(server.pid), signal.SIGTERM)
        begun.sendall(form[5:])
        assert status_of(begun) == 400
        until(lambda: not _answers(port))  # it is stopping
        holding.rollback()
        assert status_of(asked) == 200


def test_a_web_process_ends_with_the_one_that_started_it(environment: dict[str, str]):
    port = free_port()
    command = [sys.executable, "-m", "portal.ops.cli", "serve"]
    parent = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environment, "PORTAL_PORT": str(port)},
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    until(lambda: _answers(port))
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
    assert children
    with connected(port, head("GET", "/healthz")) as kept:
        assert status_of(kept) == 200  # and the connection stays open
        parent.kill()
        parent.wait(SECONDS)
        until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))


@pytest.mark.proof
@pytest.mark.parametrize(
    ("settings", "address", "in_hexadecimal"),
    some(
        [
            ({}, "127.0.0.1", "0100007F"),
            ({"PORTAL_BIND": "::1"}, "[::1]", "0" * 24 + "01000000"),
            ({"PORTAL_BIND": EVERYWHERE}, EVERYWHERE, "00000000"),
        ],
        3,
    ),
)
def test_the_server_listens_where_it_says(
    environment: dict[str, str], settings: dict[str, str], address: str, in_hexadecimal: str
):
    port = free_port()
    environ = {**os.environ, **environment, **settings, "PORTAL_PORT": str(port)}
    command = [sys.executable, "-m", "portal.ops.cli", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert f"listening on http://{address}:{port} ".encode() in process.stdout.readline()
        listening = f"{in_hexadecimal}:{port:04X}"
        tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
        until(lambda: any(listening in table.read_text() for table in tables))
        process.terminate()


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _answers(port: int) -> bool:
    try:
        return ask(port, "GET", "/healthz")[0] == 200
    except OSError:
        return False


def test_static_files_are_answered_with_their_headers(port: int):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", "/static/css/base.css", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Encoding"]) == (200, "gzip")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer.headers["Vary"] == "Accept-Encoding"
    assert b"@layer" in gzip.decompress(answer.read())
    connection.request("HEAD", "/static/css/base.css")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")
    connection.close()
    assert ask(port, "GET", "/static/../app.py")[0] in (303, 404)


def test_the_openapi_document_is_answered_without_a_thread(port: int):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)

    def get(**headers: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request("GET", f"{PREFIX}/openapi.json", headers=named)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()

    _, plain, document = get()
    _, zipped, body = get(Accept_Encoding="gzip")
    assert json.loads(document)["x-cpod-domain"] == "integration"
    assert gzip.decompress(body) == document
    assert zipped["ETag"] != plain["ETag"]
    assert plain["X-Content-Type-Options"] == "nosniff"
    assert plain["X-Request-Id"] is None, "a thread of the application answered it"
    status, _, body = get(If_None_Match=plain["ETag"])
    assert (status, body) == (304, b"")
    connection.close()


def test_behind_a_proxy_each_client_has_its_own_slow_bodies(port: int):
    slow = [
        head("POST", "/look", content_length="10", x_forwarded_for=f"203.0.113.{client}")
        for client in range(2)
        for _ in range(bodies.SLOW_BODIES)
    ]
    with ExitStack() as stack:
        stuck = [stack.enter_context(connected(port, said)) for said in slow]
        with connected(port, slow[0]) as one_more:
            assert status_of(one_more) == 429
        assert len(silent(stuck)) == len(stuck)
