"""Open sockets that misbehave, and read the responses on them."""

import http.client
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

SECONDS = 30


def head(method: str, path: str, **headers: str) -> bytes:
    """Return the head of a request. Headers are given as `content_length="10"`."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


@contextmanager
def connected(port: int, said: bytes = b"") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
        connection.sendall(said)
        yield connection


@contextmanager
def many_connected(port: int, many: int, said: bytes = b"") -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connected(port, said)) for _ in range(many)]


def silent(connections: list[socket.socket]) -> list[socket.socket]:
    """Return the connections that are open and have no response at this moment."""
    found = []
    for one in connections:
        one.setblocking(False)
        try:
            one.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            found.append(one)
        one.settimeout(SECONDS)
    return found


def whole_answer(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def status_of(connection: socket.socket) -> int:
    """Return the status of the next response."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer.status


def ask(
    port: int, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, bytes]:
    """Send an ordinary request and return status and body of the response."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        encoded = None if body is None else json.dumps(body)
        connection.request(method, path, encoded, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def until(true: Any, seconds: float = SECONDS) -> None:
    """Wait until a condition is true. Fail if that takes too long."""
    ends = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)
