"""The question about a key, answered before the framework: its routing would cost more than it.

Only the plain case is answered here: a caller that is a key without limits of its own, and a body
without fault. Everything else goes on to the application, which decides with the same functions and
has the words for what is wrong. Nothing is consumed before that is known.
"""

from collections.abc import Iterable
from io import BytesIO
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import orjson
from ulid import ULID

from portal import strictjson
from portal.api import JSON_OPTIONS
from portal.errors import PortalError
from portal.keys.decision import Question, refusal
from portal.keys.engine import Engine
from portal.keys.schemas import VerifyKey
from portal.keys.snapshot import Snapshot
from portal.keys.usage import usage
from portal.keys.verify import verify
from portal.keys.wire import WouldWait
from portal.openapi import PREFIX

PATH = f"{PREFIX}/api-keys/verify"
LONGEST = 16 * 1024  # bytes of a body
SCOPE = "keys:verify"

Answer = tuple[list[tuple[str, str]], bytes]
"""Headers and body of a 200."""


def concerns(environ: WSGIEnvironment) -> bool:
    """Whether this is the question about a key."""
    return bool(environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "POST")


def wrap(engine: Engine, beyond: WSGIApplication) -> WSGIApplication:
    """`beyond`, with this one path before it."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        answered = _answered(engine, environ) if concerns(environ) else None
        if answered is None:
            return beyond(environ, start)
        headers, body = answered
        start("200 OK", headers)
        return [body]

    return answer


def from_memory(engine: Engine, environ: WSGIEnvironment) -> Answer | None:
    """The answer, if it needs nothing but the request and what this process remembers."""
    try:
        with engine.wire.without_waiting():
            return _answered(engine, environ)
    except WouldWait:
        return None


def _answered(engine: Engine, environ: WSGIEnvironment) -> Answer | None:
    """The answer; None if this request is the application's."""
    engine.begin()
    caller = _caller(engine, environ)
    raw = None if caller is None else _body(environ)
    if caller is None or raw is None:
        return None
    request_id = f"req_{ULID()}"
    try:
        asked = VerifyKey.read(strictjson.parse(raw))
        document = verify(engine, caller.tenant_id, asked, request_id)
    except PortalError:
        return None  # said again, in its words, by the application
    usage.note(caller.tenant_id, caller.id, engine.clock.now(), scope=SCOPE)
    body = orjson.dumps(document, default=float, option=JSON_OPTIONS)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", request_id),
    ]
    return headers, body


def _caller(engine: Engine, environ: WSGIEnvironment) -> Snapshot | None:
    """The calling key, if it may ask and nothing of it has to be counted."""
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or environ.get("QUERY_STRING"):
        return None
    key = engine.remembered(token)
    if key is None or key.allowed_ips or key.counts_calls:
        return None
    refused = refusal(key, Question(scope=SCOPE), engine.clock.now())
    return key if refused is None else None


def _body(environ: WSGIEnvironment) -> bytes | None:
    """The body, read and laid back for the application; None if it is not a plain one."""
    length = environ.get("CONTENT_LENGTH", "")
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if not length.isdigit() or int(length) > LONGEST or kind != "application/json":
        return None
    raw: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = BytesIO(raw)
    return raw
