"""The question about a key, answered before the framework: its routing would cost more than it.

Only the plain case is answered here: a caller that is a key without limits of its own, and a body
without fault. Everything else goes on to the application, which decides with the same functions and
has the words for what is wrong. Nothing is consumed before that is known.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import Any
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
from portal.openapi import PREFIX

PATH = f"{PREFIX}/api-keys/verify"
LONGEST = 16 * 1024  # bytes of a body
SCOPE = "keys:verify"


def wrap(engine: Engine, beyond: WSGIApplication) -> WSGIApplication:
    """`beyond`, with this one path before it."""

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH or environ["REQUEST_METHOD"] != "POST":
            return beyond(environ, start)
        document, request_id = _asked(engine, environ)
        if document is None:
            return beyond(environ, start)
        body = orjson.dumps(document, default=float, option=JSON_OPTIONS)
        headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Request-Id", request_id),
        ]
        start("200 OK", headers)
        return [body]

    return answer


def _asked(engine: Engine, environ: WSGIEnvironment) -> tuple[dict[str, Any] | None, str]:
    """The verdict; None if this request is the application's."""
    engine.begin()
    raw = _body(environ)
    if raw is None:
        return None, ""
    try:
        with engine.wire.turns:
            return _decided(engine, environ, raw)
    except PortalError:
        return None, ""  # said again, in its words, by the application


def _decided(
    engine: Engine, environ: WSGIEnvironment, raw: bytes
) -> tuple[dict[str, Any] | None, str]:
    caller = _caller(engine, environ)
    if caller is None:
        return None, ""
    request_id = f"req_{ULID()}"
    asked = VerifyKey.read(strictjson.parse(raw))
    document = verify(engine, caller.tenant_id, asked, request_id)
    usage.note(caller.tenant_id, caller.id, engine.clock.now(), scope=SCOPE)
    return document, request_id


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
