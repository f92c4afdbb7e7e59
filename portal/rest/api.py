"""Provide the edge for programs: authentication, bodies, responses and errors.

It reads `Authorization: Bearer` and never a cookie, so it needs no CSRF token. Errors are RFC 9457
problem details. The routes come from the declarations in `portal.rest.resources`.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import cache
from typing import Any

import orjson
import psycopg
from flask import Blueprint, Flask, Response, g, request
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.core import compression, errors
from portal.core.compression import Kept, respond
from portal.core.errors import UNKNOWN, BadRequest, FieldError, PortalError, Unauthenticated
from portal.database import writability
from portal.database.actor import Actor, Origin
from portal.records import idempotency, listing
from portal.rest import openapi, strict_json
from portal.rest.openapi import PREFIX, PROBLEM, Operation

Authenticator = Callable[[str, Origin], Actor | None]
Admission = Callable[[Actor, str], None]
"""Lets an actor do what needs a scope, or raises Forbidden or RateLimited."""

A_FEW_MINUTES = "public, max-age=300"
JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS


# ---------------------------------------------------------------- answers


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response. It is never cached, since all of it belongs to one caller."""
    body = orjson.dumps(document, default=_json, option=JSON_OPTIONS)
    response = Response(body, status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if headers:
        response.headers.update(headers)
    return response


Ready = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body of a response that is made without Flask."""


def ready(document: Any, status: int, request_id: str, kind: str = "application/json") -> Ready:
    """Return a JSON response like `answer`, for the event loop, which has no Flask request."""
    body = orjson.dumps(document, default=float, option=JSON_OPTIONS)
    headers = [
        ("content-type", kind),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-request-id", request_id),
    ]
    return status, headers, body


def ready_problem(error: PortalError, request_id: str) -> Ready:
    """Return an error like `problem`, for the event loop."""
    document = problem_document(error, request_id)
    status, headers, body = ready(document, error.status, request_id, PROBLEM)
    return (
        status,
        [*headers, *((name.lower(), value) for name, value in error.headers.items())],
        body,
    )


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


def problem(error: Exception) -> Response:
    """Return any error as RFC 9457 problem details. An unexpected one shows only its request id."""
    known = in_our_words(error)
    response = answer(problem_document(known, request_id()), known.status, known.headers)
    response.content_type = PROBLEM
    return response


def problem_document(error: PortalError, request_id: str) -> dict[str, Any]:
    """Return the members of an error's problem document (RFC 9457)."""
    document = {
        "type": f"urn:cpod:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "request_id": request_id,
        **error.extra,
    }
    if error.errors:
        document["errors"] = [{"field": e.field, "message": e.message} for e in error.errors]
    return document


HTTP_ERRORS: Mapping[int, type[PortalError]] = {
    400: errors.BadRequest,
    401: errors.Unauthenticated,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    503: errors.Unavailable,
}


def in_our_words(error: Exception) -> PortalError:
    """Return the domain's error for any exception that reached the edge."""
    if isinstance(error, PortalError):
        return error
    if not_saving := writability.in_our_words(error):
        return not_saving
    if isinstance(error, OperationalError | PoolTimeout):
        return errors.Unavailable("The database does not answer right now. Try again in a moment.")
    if _cannot_be_sent(error):
        return BadRequest("This has a character that is not allowed.")
    if isinstance(error, HTTPException):
        kind = HTTP_ERRORS.get(error.code or 500)
        if kind:
            return kind()
        if (error.code or 500) < 500:
            return BadRequest()
    return PortalError(
        "Something failed on our side. Nothing was changed. If it happens again, tell your"
        " platform's operators the request id."
    )


def _cannot_be_sent(error: Exception) -> bool:
    """Tell whether the driver itself refused a value, as it refuses a NUL in a text."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, psycopg.DataError) and cause.sqlstate is None


def new_request_id() -> str:
    """Return a random id. A ULID costs six times as much, for an order that logs have anyway."""
    return f"req_{secrets.token_hex(13).upper()}"


def request_id() -> str:
    """Return the id of the current request in logs and audit log."""
    return str(g.get("request_id", ""))


# ---------------------------------------------------------------- the caller


def origin() -> Origin:
    """Return the origin of the current request, with the address behind trusted proxies."""
    environ = request.environ
    agent = environ.get("HTTP_USER_AGENT", "")[:300] or None
    return Origin(ip=environ.get("REMOTE_ADDR"), user_agent=agent, request_id=request_id())


def authenticate(authenticators: Sequence[Authenticator]) -> Actor:
    """Return the caller of the bearer credential. Raises Unauthenticated without any detail."""
    scheme, _, token = request.environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii():
        raise Unauthenticated("Send “Authorization: Bearer …” with an access token or an API key.")
    for recognise in authenticators:
        if actor := recognise(token, origin()):
            return actor
    raise Unauthenticated(UNKNOWN)


def actor() -> Actor:
    """Return the actor of the current request."""
    found: Actor = g.actor
    return found


# ---------------------------------------------------------------- reading requests


def body() -> dict[str, Any]:
    """Return the JSON object in the request's body. No body is an empty object."""
    raw = request.get_data(cache=True)
    if not raw:
        return {}
    if request.mimetype not in ("application/json", "application/merge-patch+json", ""):
        raise errors.UnsupportedMediaType("Send the body as application/json.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise errors.UnsupportedMediaType("Send the body uncompressed, without Content-Encoding.")
    value = strict_json.parse(raw)
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.")
    return value


def missing_body() -> BadRequest:
    """Return the error for a request without a body where one is required."""
    return BadRequest(errors=[FieldError("body", "Send a JSON object, {} at least.")])


def no_parameters() -> None:
    """Refuse a query string where none has a meaning: a typo must not be ignored silently."""
    if not request.environ["QUERY_STRING"]:  # parsing an empty one takes time, too
        return
    for name in request.args:
        raise listing.refused(name, "There is no parameter of this name.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a POST. `secrets` are part of this one response and are not stored."""

    document: dict[str, Any]
    status: int
    location: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


def once(work: Callable[[], Outcome]) -> Response:
    """Run a POST at most once for each Idempotency-Key of the caller."""
    key = request.headers.get("Idempotency-Key")
    if key is not None:
        asked = idempotency.fingerprints(request.method, request.path, request.get_data(cache=True))
        if earlier := idempotency.claim(actor(), key, asked):
            headers = {"Idempotency-Replayed": "true", **_location(earlier.location)}
            return answer(earlier.document, earlier.status, headers)
    done = work()
    if key is not None:
        kept = {**done.document, **dict.fromkeys(done.secrets)}
        stored = orjson.loads(orjson.dumps(kept, default=_json, option=JSON_OPTIONS))
        idempotency.remember(actor(), key, idempotency.Answer(done.status, stored, done.location))
    if done.secrets:
        compression.leave_plain()
    return answer({**done.document, **done.secrets}, done.status, _location(done.location))


def _location(location: str | None) -> dict[str, str]:
    return {"Location": location} if location else {}


# ---------------------------------------------------------------- wiring


def blueprint(
    operations: Sequence[Operation],
    authenticators: Sequence[Authenticator],
    admit: Admission = Actor.require,
) -> Blueprint:
    """Return the routes of all operations. Each authenticates first, then checks the permission."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)

    for operation in operations:
        rule = operation.path.replace("{", "<").replace("}", ">")
        view = _guarded(operation, authenticators, admit)
        api.add_url_rule(rule, operation.id.replace(".", "_"), view, methods=[operation.method])
    return api


def _guarded(
    operation: Operation, authenticators: Sequence[Authenticator], admit: Admission
) -> Callable[..., Any]:
    def view(**ids: str) -> Response:
        caller = authenticate(authenticators)
        admit(caller, operation.scope)
        g.actor = replace(caller, is_changing=True) if operation.changes else caller
        if operation.needs_body and not request.get_data(cache=True):
            raise missing_body()
        result: Response = operation.view(**ids)
        return result

    return view


def is_api_request() -> bool:
    """Tell whether a program sent the current request, so that errors are JSON as well."""
    return is_api_path(request.path)


def is_api_path(path: str) -> bool:
    """Tell whether a path is for programs."""
    return path.startswith("/api/")


def init_app(
    app: Flask,
    operations: Sequence[Operation],
    authenticators: Sequence[Authenticator],
    admit: Admission = Actor.require,
) -> None:
    """Register the REST side of the portal."""
    api = blueprint(operations, authenticators, admit)
    base_url = app.extensions["portal"].base_url

    @cache
    def document() -> Kept:
        # Open to everybody: it describes the portal, not anybody's data.
        made = openapi.document(operations, base_url=base_url, version="1")
        body = orjson.dumps(made, default=_json, option=JSON_OPTIONS)
        return Kept(body, "application/json", [("Cache-Control", A_FEW_MINUTES)])

    def view() -> Response:
        return respond(document().answer("GET", request.headers))

    api.add_url_rule("/openapi.json", "openapi", view)
    app.register_blueprint(api)
