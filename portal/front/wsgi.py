"""Call the WSGI application (PEP 3333) with a request that was received completely."""

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from itertools import chain
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

LONGEST_NAME = 100  # characters of a header whose variable is kept
Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""


def environment(scope: Any, body: bytes) -> WSGIEnvironment:
    """Return the environment of a request. `scope` is granian's description of it (RSGI)."""
    peer, _, _ = scope.client.rpartition(":")
    server, _, port = scope.server.rpartition(":")
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        # WSGI represents bytes as text with one character for each.
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": peer.strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope.headers.items():
        _add(environ, name, value)
    # The body is complete even if it came in chunks. werkzeug would read nothing of a body that it
    # takes for chunks.
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    if body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add(environ: WSGIEnvironment, name: str, value: str) -> None:
    if "_" in name:  # it would be taken for the header with a hyphen
        return
    name = (_known_variable if len(name) <= LONGEST_NAME else _variable)(name)
    known = environ.get(name)
    if known is None:
        environ[name] = value
    else:
        environ[name] = f"{known}{'; ' if name == 'HTTP_COOKIE' else ','}{value}"


def _variable(header: str) -> str:
    name = header.upper().replace("-", "_")
    return name if name in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{name}"


_known_variable = lru_cache(maxsize=256)(_variable)


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer whose body is made while it is read. `close` must be called."""

    status: int
    headers: Headers
    parts: Iterator[bytes]
    close: Callable[[], None]


def begin(application: WSGIApplication, environ: WSGIEnvironment) -> Begun:
    """Return the application's answer with its status and headers, before its body is made."""
    begun: list[tuple[str, Headers]] = []

    def start(status: str, headers: Headers, fault: Any = None) -> Any:
        begun[:] = [(status, headers)]
        return written.append

    written: list[bytes] = []
    answer: Iterable[bytes] = application(environ, start)
    close = getattr(answer, "close", None)
    [(status, headers)] = begun
    return Begun(int(status[:3]), headers, chain(written, answer), close or _nothing)


def _nothing() -> None:
    """Close an answer that needs no closing."""


def call(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Return the application's whole answer."""
    return whole(begin(application, environ))


def whole(begun: Begun) -> Answer:
    """Return an answer with all of its body."""
    try:
        body = b"".join(begun.parts)
    finally:
        begun.close()
    return begun.status, begun.headers, body
