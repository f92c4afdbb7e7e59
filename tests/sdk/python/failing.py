"""A server on a bare socket that fails as it is told, and counts what it was asked to do."""

import contextlib
import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

RECORD = {"id": "app_1", "display_name": "CRM 360", "version": 3}


@dataclass
class Received:
    """One request as it arrived. `body` is None if it was not read."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes | None = None


Behaviour = Callable[["FailingServer", socket.socket, Received], bool]
"""Answers a request, or fails. Returns whether the connection goes on."""


@dataclass
class FailingServer:
    """Each request gets the next behaviour; those after the last get `works`."""

    address: str = ""
    received: list[Received] = field(default_factory=list)
    done: list[Received] = field(default_factory=list)
    plan: list[Behaviour] = field(default_factory=list)
    end: threading.Event = field(default_factory=threading.Event)

    @property
    def effects(self) -> int:
        """Return how often something was done. The same Idempotency-Key does it once."""
        keys = [one.headers.get("idempotency-key") for one in self.done]
        return len({key for key in keys if key}) + keys.count(None)

    def take(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while received := head(connection):
                self.received.append(received)
                behave = self.plan.pop(0) if self.plan else works
                if not behave(self, connection, received):
                    return

    def do(self, connection: socket.socket, received: Received) -> None:
        """Read the rest of a request, and do what it asks."""
        self.read(connection, received)
        self.done.append(received)

    def read(self, connection: socket.socket, received: Received) -> None:
        length = int(received.headers.get("content-length", "0"))
        received.body = b""
        while len(received.body) < length:
            received.body += connection.recv(length - len(received.body))


def head(connection: socket.socket) -> Received | None:
    raw = b""
    while not raw.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        if not byte:
            return None
        raw += byte
    first, *lines = raw.decode().strip().split("\r\n")
    method, target, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    return Received(method, target, {name.lower(): value for name, value in pairs})


def reply(
    connection: socket.socket, status: int, document: object, kind: str = "application/json",
    **headers: str,
) -> None:  # fmt: skip
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} It", f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)


# ---------------------------------------------------------------- behaviours


def works(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    reply(connection, 200, RECORD)
    return True


def reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


def resets_before_the_body(
    server: FailingServer, connection: socket.socket, received: Received
) -> bool:
    return reset(connection)


def resets_after_the_body(
    server: FailingServer, connection: socket.socket, received: Received
) -> bool:
    server.do(connection, received)
    return reset(connection)


def closes(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    return False


def truncates(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    connection.sendall(
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"id":'
    )
    return False


def is_slow(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    server.end.wait(30)
    return False


def says_no_http(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    connection.sendall(b"220 mail.example ESMTP\r\n")
    return False


def answers_html(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    server.do(connection, received)
    reply(connection, 200, b"<h1>Welcome</h1>", "text/html")
    return True


def answers_broken_json(
    server: FailingServer, connection: socket.socket, received: Received
) -> bool:
    server.do(connection, received)
    reply(connection, 200, b'{"id":')
    return True


def refuses(status: int, **headers: str) -> Behaviour:
    """Return a behaviour: read everything, do nothing, say why."""

    def behave(server: FailingServer, connection: socket.socket, received: Received) -> bool:
        server.read(connection, received)
        problem = {"code": "no", "detail": "Not now.", "request_id": "req_1", "status": status}
        reply(connection, status, problem, "application/problem+json", **headers)
        return True

    return behave


def does_not_know(server: FailingServer, connection: socket.socket, received: Received) -> bool:
    """Do the work, and say as the portal does that its outcome is unknown."""
    server.do(connection, received)
    problem = {"code": "unknown_outcome", "detail": "It may have been done.", "status": 503}
    reply(connection, 503, problem, "application/problem+json", Retry_After="0")
    return True


@contextlib.contextmanager
def failing(*plan: Behaviour) -> Iterator[FailingServer]:
    """Run a server inside the context."""
    server = FailingServer(plan=list(plan))
    threads: list[threading.Thread] = []

    def accept(listening: socket.socket) -> None:
        while not server.end.is_set():
            connection, _ = listening.accept()
            connection.settimeout(30)
            threads.append(threading.Thread(target=server.take, args=[connection]))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server.address = f"http://127.0.0.1:{port}"
        acceptor = threading.Thread(target=accept, args=[listening])
        acceptor.start()
        try:
            yield server
        finally:
            server.end.set()
            socket.create_connection(("127.0.0.1", port)).close()
            acceptor.join()
            for thread in threads:
                thread.join()
