"""A server of raw sockets, which answers as told: well, badly, or not at all."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

RECORD = {"id": "app_1", "version": 3}


@dataclass(frozen=True)
class Received:
    """A whole request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[socket.socket], None]
"""Answers one request on its connection, which is closed afterwards."""


def sends(
    status: int = 200, body: object = RECORD, kind: str = "application/json", **headers: str
) -> Answer:
    """Return a whole answer. Names of headers are written with underscores."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Status", f"Content-Type: {kind}", f"Content-Length: {len(raw)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = "\r\n".join([*lines, "Connection: close", "", ""]).encode()
    return lambda connection: connection.sendall(head + raw)


def reset(connection: socket.socket) -> None:
    """Cut the connection without an answer."""
    # A reset instead of an end: what was received is thrown away.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def truncated(connection: socket.socket) -> None:
    """Send half of the answer that the head promises."""
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"
    connection.sendall(head.encode() + b'{"id": "app_1", ')


def unfinished(connection: socket.socket) -> None:
    """Send JSON that ends in the middle, with a connection that ends in order."""
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": ')


@dataclass
class Listening:
    """Remembers what arrived. It gives each of `answers` once, and the last one for ever."""

    address: str
    answers: list[Answer]
    requests: list[Received] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def silent(self, _connection: socket.socket) -> None:
        """Answer nothing for as long as the server runs."""
        self.ended.wait()

    def serve(self, server: socket.socket) -> None:
        """Take connections until the server is closed."""
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._take, args=[connection], daemon=True).start()

    def _take(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer is reset_at_once:
                reset(connection)
                return
            self.requests.append(_read(connection))
            answer(connection)


def reset_at_once(connection: socket.socket) -> None:
    """Cut the connection before the request was read."""
    reset(connection)


def _read(connection: socket.socket) -> Received:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += connection.recv(65536)
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return Received(method, path, headers, body)


@contextlib.contextmanager
def listening(*answers: Answer) -> Iterator[Listening]:
    """Run the server inside the context. Without answers, each request gets a record."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        there = Listening(f"http://127.0.0.1:{server.getsockname()[1]}", list(answers) or [sends()])
        thread = threading.Thread(target=there.serve, args=[server])
        thread.start()
        try:
            yield there
        finally:
            there.ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
