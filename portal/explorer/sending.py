"""Call the real API inside this process, as the signed-in person.

The call carries a token that the portal makes for it. It lasts a minute, belongs to one session,
and never leaves the process. It is recognised like any other credential, so the call passes the
same authentication, scopes, limits and audit log as one from outside.
"""

import time
from collections.abc import Iterable
from contextvars import Context
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast
from wsgiref.types import WSGIApplication

from flask import Flask, current_app, request
from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app

from portal.core.config import Config
from portal.database.actor import Actor, Origin
from portal.database.session import let_go
from portal.explorer.drafts import ABSENT, Call
from portal.identity.sessions import sessions
from portal.identity.sessions.sealed_text import Sealer
from portal.identity.sessions.sessions import Live
from portal.keys.tokens import rest_callers

LIFETIME_SECONDS = 60
MOST_READ = 1024 * 1024  # bytes of a file that is made while it is read, or one part more
MARK = "explorer."
INSIDE = "portal.explorer"  # in the environment of a call; no request from outside has it


@dataclass(frozen=True)
class Tokens:
    """Make and recognise the explorer's tokens."""

    sealer: Sealer

    def issue(self, live: Live) -> str:
        """Return a token for the person's own session."""
        return MARK + self.sealer.seal(f"{live.session.tenant_id} {live.session.id}")

    def authenticate(self, token: str, origin: Origin) -> Actor | None:
        """Return the person of a token whose session is live, as on their pages; otherwise None."""
        if not token.startswith(MARK) or INSIDE not in request.environ:
            return None
        said = self.sealer.open(token.removeprefix(MARK), max_age=LIFETIME_SECONDS)
        if said is None:
            return None
        live = sessions.find_live(*said.split(" ", 1))
        return live.actor(origin) if live else None


@dataclass(frozen=True)
class Reply:
    """Hold the answer of the API, and the milliseconds that it took. Of a long file it has only the
    beginning, and `is_whole` is false."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    is_whole: bool
    milliseconds: float

    @property
    def size(self) -> str:
        """Return the number of bytes in words."""
        return f"{len(self.body):,} bytes" if self.is_whole else f"{len(self.body):,} bytes read"

    @property
    def reason(self) -> str:
        """Return the status in words."""
        return HTTPStatus(self.status).phrase

    def header(self, name: str) -> str:
        """Return the value of a header, or an empty text."""
        wanted = name.lower()
        return next((value for known, value in self.headers if known.lower() == wanted), "")


def init_app(app: Flask, config: Config) -> None:
    """Register the explorer's tokens with the API."""
    tokens = Tokens(Sealer(config.secret_key, "explorer token"))
    app.extensions["portal.explorer_tokens"] = tokens
    rest_callers.known_to(app).append(tokens.authenticate)


def send(live: Live, method: str, call: Call) -> Reply:
    """Make the call and return what the API answers."""
    tokens = cast("Tokens", current_app.extensions["portal.explorer_tokens"])
    environ = _environment(method, call, tokens.issue(live))
    application = current_app.wsgi_app
    let_go()  # the call needs a connection of its own
    # In an empty context the call gets its own request, session and log, as one from outside.
    return Context().run(_reply, application, environ)


def _reply(application: WSGIApplication, environ: dict[str, Any]) -> Reply:
    began = time.perf_counter()
    parts, status, headers = run_wsgi_app(application, environ)
    try:
        # What is made while it is read has no length; all else is in memory already.
        body, is_whole = _read(parts, None if "Content-Length" in headers else MOST_READ)
    finally:
        if close := getattr(parts, "close", None):
            close()
    spent = (time.perf_counter() - began) * 1000
    return Reply(int(status[:3]), list(headers), body, is_whole, round(spent, 1))


def _read(parts: Iterable[bytes], most: int | None) -> tuple[bytes, bool]:
    """Return the parts of a body until it has `most` bytes, and tell whether these are all."""
    body = bytearray()
    for part in parts:
        if most is not None and len(body) >= most:
            return bytes(body), False
        body += part
    return bytes(body), True


def _environment(method: str, call: Call, token: str) -> dict[str, Any]:
    headers = Headers({**call.headers, "Authorization": f"Bearer {token}"})
    if agent := request.headers.get("User-Agent"):
        headers["User-Agent"] = agent
    path, _, query = call.address.partition("?")
    builder = EnvironBuilder(
        path=path,
        query_string=query,
        base_url=request.host_url,
        method=method,
        headers=headers,
        data=call.content,
        content_type="application/json" if call.body is not ABSENT else None,
        environ_base={"REMOTE_ADDR": request.remote_addr or "", INSIDE: True},
    )
    return dict(builder.get_environ())
