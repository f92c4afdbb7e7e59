"""Test what clients cost that ask for much and read nothing, or little at a time, or send much."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest

from portal.front import bodies
from portal.front.answers import large_answers
from portal.front.application import SLOTS
from tests.bench.servers import Server, impatient_portal_serving, portal_serving, serving
from tests.cast import PREFIX, Api
from tests.front import endless
from tests.front.impatient_portal import SECONDS as PATIENCE
from tests.front.kit import SECONDS, ask, connected, head, silent, until

BEHIND_A_PROXY = {"PORTAL_TRUSTED_PROXIES": "127.0.0.0/8"}
EVENTS, KILOBYTES = 100, 60
MANY = 60
PAUSE_BYTES = 256 * 1024
LIST = f"{PREFIX}/events?limit=200"
WORK_MB = 64  # what making the answers may take more than for clients that read


@pytest.fixture
def portal(_settings: dict[str, str]) -> Iterator[Server]:
    with portal_serving(_settings | BEHIND_A_PROXY) as server:
        yield server


@pytest.fixture(scope="module")
def impatient(_settings: dict[str, str]) -> Iterator[Server]:
    with impatient_portal_serving(_settings | BEHIND_A_PROXY) as server:
        yield server


@pytest.fixture
def token(ada: Api) -> str:
    """Return a credential that may read a list of several megabytes."""
    data = {"text": "x" * KILOBYTES * 1000}
    for _ in range(EVENTS // 10):
        published = ada.post("/events", [{"type": "big.one", "data": data}] * 10)
        assert published.status_code == 202, published.text
    return ada.token


def asked(port: int, path: str, token: str, source: str = "203.0.113.1") -> socket.socket:
    """Ask for an answer over a connection that takes little before it is read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(SECONDS)
    connection.connect(("127.0.0.1", port))
    headers = {"authorization": f"Bearer {token}", "x_forwarded_for": source}
    connection.sendall(head("GET", path, **headers))
    return connection


def is_cut(connection: socket.socket) -> bool:
    """Tell whether the server has ended a connection without the end of its answer."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionError:
        return True
    begun, _, body = answer.partition(b"\r\n\r\n")
    [length] = [line for line in begun.lower().split(b"\r\n") if b"content-length" in line]
    return len(body) < int(length.partition(b":")[2])


def test_clients_that_read_nothing_fill_no_memory(portal: Server, token: str):
    other = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.2"}
    before = most = 0.0
    with ThreadPoolExecutor(SLOTS) as readers:  # to make answers takes memory, too
        asking = [readers.submit(ask, portal.port, "GET", LIST, headers=other) for _ in range(30)]
        while not all(one.done() for one in asking):
            before = max(before, portal.memory_mb)
            time.sleep(0.1)
    [whole] = {one.result() for one in asking}
    assert len(json.loads(whole[1])["items"]) == EVENTS
    allowed = large_answers.ROOM / 2**20 + WORK_MB
    assert MANY * len(whole[1]) / 2**20 > 1.5 * allowed, "they ask for too little"
    with ExitStack() as stack:
        idle = [stack.enter_context(asked(portal.port, LIST, token)) for _ in range(MANY)]
        while silent(idle):  # some have no answer yet
            most = max(most, portal.memory_mb)
            time.sleep(0.1)
        assert {one.recv(12) for one in idle} == {b"HTTP/1.1 200", b"HTTP/1.1 429"}
        assert ask(portal.port, "GET", LIST, headers=other) == whole
        assert ask(portal.port, "GET", "/healthz") == (200, b"ok\n")
        most = max(most, portal.memory_mb)
    assert most - before < allowed


def test_refused_bodies_fill_no_memory(portal: Server):
    nearly, rounds = bodies.LARGEST - 1, 3
    begun = head("POST", f"{PREFIX}/events", transfer_encoding="chunked")
    said = begun + b"%x\r\n%b\r\n" % (nearly, bytes(nearly))
    before = portal.memory_mb
    with ExitStack() as stack:
        for _ in range(rounds * bodies.ROOM // bodies.LARGEST):
            connection = stack.enter_context(connected(portal.port))
            with suppress(ConnectionError):  # it may be refused before all of it was sent
                connection.sendall(said)
        assert ask(portal.port, "GET", "/healthz") == (200, b"ok\n")
        assert portal.memory_mb - before < bodies.ROOM / 2**20 + WORK_MB


@pytest.mark.parametrize(
    ("method", "status", "headers", "is_done"),
    [
        ("POST", 200, [], True),
        ("DELETE", 200, [], True),
        ("GET", 200, [], False),
        ("POST", 422, [], False),
        ("POST", 200, [("Preference-Applied", "validate-only")], False),
    ],
)
def test_only_what_was_done_is_called_done(
    method: str, status: int, headers: list[tuple[str, str]], is_done: bool
):
    assert large_answers.was_done((status, headers, b""), method) is is_done


def test_a_client_that_reads_slowly_gets_its_whole_answer(impatient: Server, token: str):
    begun, answer, paused = time.monotonic(), b"", 0
    with asked(impatient.port, LIST, token) as slow:
        while b'"next_cursor"' not in answer[-200:]:
            answer += slow.recv(65536)
            if len(answer) > paused:
                paused += PAUSE_BYTES
                time.sleep(0.2)
    assert time.monotonic() - begun > PATIENCE
    assert len(json.loads(answer.partition(b"\r\n\r\n")[2])["items"]) == EVENTS


def test_who_takes_nothing_is_cut(impatient: Server, token: str):
    small = f"{PREFIX}/events?limit=2"
    with ExitStack() as stack:
        paths = LIST, small, f"{PREFIX}/openapi.json", "/static/vendor/htmx.min.js"
        idle = [stack.enter_context(asked(impatient.port, path, token)) for path in paths]
        until(lambda: not silent(idle))
        time.sleep(2 * PATIENCE)
        assert [is_cut(one) for one in idle] == [True] * len(paths)


def test_an_answer_in_parts_is_made_no_faster_than_it_is_taken():
    with serving("tests.front.endless:app", {}, interface="rsgi") as server:
        with asked(server.port, "/", ""):
            time.sleep(1)
            made = int(ask(server.port, "GET", "/made")[1])
            assert 0 < made < 10
        status, whole = ask(server.port, "GET", "/")
        assert (status, len(whole)) == (200, endless.PARTS * len(endless.PART))
