"""Provide the edge for programs: authentication, bodies, responses and errors.

It reads `Authorization: Bearer` and never a cookie, so it needs no CSRF token. Errors are RFC 9457
problem details. The routes come from the declarations in `portal.rest.resources`.
"""

import secrets
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import orjson
import psycopg
from flask import Blueprint, Flask, Response, current_app, g, request
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as NoSuchMethod

from portal.core import compression, deadlines, errors
from portal.core.compression import Kept, respond
from portal.core.config import running
from portal.core.errors import UNKNOWN, BadRequest, FieldError, PortalError, Unauthenticated
from portal.core.key_shape import masked
from portal.database import dry_run, writability
from portal.database.actor import Actor, Origin
from portal.database.record import Record, find
from portal.database.session import has_let_go
from portal.database.session import in_our_words as constraint_in_our_words
from portal.records import idempotency, listing
from portal.rest import entity_tags, problem_codes, strict_json, validate_only
from portal.rest.openapi import PREFIX, PROBLEM, Operation

Authenticator = Callable[[str, Origin], Actor | None]
Admission = Callable[[Actor, str, bool], None]
"""Lets an actor do what needs a scope, or raises Forbidden or RateLimited. The last argument tells
whether the request is run for its checks only."""

A_FEW_MINUTES = "public, max-age=300"
RESOURCE_METADATA = "/.well-known/oauth-protected-resource"  # RFC 9728
FOR_PROGRAMS = ("/api/", "/oauth/", "/.well-known/")
OAUTH = "oauth"  # the blueprint whose errors have an `error` (RFC 6749, 5.2)
MOST_LINKED = 2000  # characters of a Link header: proxies refuse long ones
JSON_OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS
IN_ORDER = orjson.OPT_UTC_Z | orjson.OPT_SORT_KEYS


# ---------------------------------------------------------------- answers


def fields_of(
    document: type[BaseModel], source: object, without: Collection[str] = ()
) -> dict[str, Any]:
    """Return the fields of a document, read from the attributes of a row or another object."""
    return {name: getattr(source, name) for name in document.model_fields if name not in without}


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response. It is never cached, since all of it belongs to one caller."""
    response = Response(encoded(document), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    if headers:
        response.headers.update(headers)
    return response


def encoded(document: Any, *, in_order: bool = False) -> bytes:
    """Return a document as JSON. With `in_order`, equal documents have equal bytes; all names in it
    are texts."""
    return orjson.dumps(document, default=_json, option=IN_ORDER if in_order else JSON_OPTIONS)


def listed(
    items: Sequence[Any], next_cursor: str | None, count: Mapping[str, Any] | None = None
) -> Response:
    """Return one page of a list, with a link to the next one if there is one (RFC 8288)."""
    # Each by itself: to encode megabytes in one call would stop all threads for that time.
    encoded_items = [orjson.Fragment(encoded(item)) for item in items]
    document: dict[str, Any] = {"items": encoded_items, "next_cursor": next_cursor}
    if count is not None:
        document["count"] = count
    if next_cursor is None:
        return answer(document)
    given = [(name, value) for name, value in request.args.items() if name != "cursor"]
    # No record holds a raw key, so a filter with a masked one finds the same.
    onward = masked(urlencode([*given, ("cursor", next_cursor)]))
    if len(onward) > MOST_LINKED:
        return answer(document)
    return answer(document, headers={"Link": f'<{request.path}?{onward}>; rel="next"'})


# In the environ of a request whose response is sent in parts: what ends it if it is read slowly.
STREAMED = "portal.streamed"


def streamed(parts: Iterable[bytes], media_type: str, file_name: str, *, cut: bytes) -> Response:
    """Return a response with a file that is made while it is sent. `cut` is its last part if the
    client reads too slowly to get the rest."""
    request.environ[STREAMED] = cut
    response = Response(parts, content_type=media_type)
    response.headers["Cache-Control"] = "no-store"
    response.headers["Content-Disposition"] = f'attachment; filename="{file_name}"'
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


def ready_problem(error: PortalError, request_id: str, base_url: str) -> Ready:
    """Return an error like `problem`, for the event loop."""
    document = problem_document(error, request_id, base_url)
    status, headers, body = ready(document, error.status, request_id, PROBLEM)
    own = headers_of(error, base_url).items()
    return status, [*headers, *((name.lower(), value) for name, value in own)], body


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError


def problem(error: Exception) -> Response:
    """Return any error as RFC 9457 problem details. An unexpected one shows only its request id."""
    known = in_our_words(error)
    if request.blueprint == OAUTH:
        return _oauth_error(known)
    document = problem_document(known, request_id(), running().base_url)
    headers = headers_of(known, running().base_url)
    response = answer(document, known.status, headers)
    response.content_type = PROBLEM
    return response


# RFC 6749, 5.2, has no error for too many requests, and slow_down belongs to another grant (RFC
# 8628). A client reacts to 429 with Retry-After (RFC 6585). The error code is a new one, as 8.5
# allows: the code of the problem documents of REST.
_OAUTH_ERRORS = {401: "invalid_token", 403: "insufficient_scope", 429: errors.RateLimited.code,
                 500: "server_error", 503: "temporarily_unavailable"}  # fmt: skip


def _oauth_error(error: PortalError) -> Response:
    """Return an error as a program that knows only OAuth reads it (RFC 6749, 5.2)."""
    document = {"error": _OAUTH_ERRORS.get(error.status, "invalid_request"),
                "error_description": error.detail}  # fmt: skip
    return answer(document, error.status, headers_of(error, running().base_url, resource=""))


def headers_of(error: PortalError, base_url: str, resource: str = PREFIX) -> dict[str, str]:
    """Return the headers of an error. A 401 also says where the metadata of the resource is, which
    names the issuers of its tokens (RFC 9728, 5.1)."""
    if error.status != 401:
        return dict(error.headers)
    challenge = error.headers.get("WWW-Authenticate", "Bearer")
    joint = "," if " " in challenge else ""
    where = f'resource_metadata="{base_url}{RESOURCE_METADATA}{resource}"'
    return {**error.headers, "WWW-Authenticate": f"{challenge}{joint} {where}"}


def problem_document(error: PortalError, request_id: str, base_url: str) -> dict[str, Any]:
    """Return the members of an error's problem document (RFC 9457)."""
    document = {
        "type": problem_codes.url(base_url, error.code),
        "title": error.title,
        "status": error.status,
        "detail": _detail(error),
        "code": error.code,
        "request_id": request_id,
        **error.extra,
    }
    if error.errors:
        document["errors"] = [{"field": e.field, "message": e.message} for e in error.errors]
    return document


def _detail(error: PortalError) -> str:
    """Return the error's sentence; for errors of fields, the first one and how many follow."""
    if not error.errors or error.status not in (400, 422):
        return error.detail
    first, *others = error.errors
    more = f" And {len(others)} more." if others else ""
    return f"{first.field}: {first.message}{more}"


HTTP_ERRORS: Mapping[int, type[PortalError]] = {
    400: errors.BadRequest,
    401: errors.Unauthenticated,
    404: errors.NotFound,
    413: errors.TooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.RateLimited,
    503: errors.Unavailable,
}


TOOK_TOO_LONG = "57014"  # a statement, on a database that answers
STOOD_STILL = "25P03"  # this process did, in a transaction, until PostgreSQL ended the session
HELD_UP = ("55P03", "40P01")  # it waited too long for another's lock, or each for the other's
UNCHANGED = "Nothing was changed."
GIVEN_UP = (
    "This took too long, so it was given up and nothing was changed. Ask for less at once, or try"
    " again in a moment."
)
LATE = (
    "This was given up, because it took too long or because the database does not answer. Nothing"
    " was changed. Ask for less at once, or try again in a moment."
)
UNANSWERED = (OperationalError, PoolTimeout, psycopg.OperationalError)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""They change nothing that a caller asks for (RFC 9110, 9.2.1)."""


def in_our_words(error: Exception) -> PortalError:
    """Return the domain's error for any exception that reached the edge."""
    if isinstance(error, IntegrityError):  # of a check that the commit makes
        error = constraint_in_our_words(error)
    if isinstance(error, PortalError):
        return error
    is_saved = request.method not in SAFE_METHODS and has_let_go()
    if not_saving := writability.in_our_words(error):
        in_part = errors.SAVED_IN_PART.format(why=not_saving.why)
        return errors.UnknownOutcome(in_part) if is_saved else not_saving
    code = writability.code_of(error)
    if code in HELD_UP:
        return errors.UnknownOutcome(errors.HELD_UP_IN_PART) if is_saved else errors.Busy()
    if code == STOOD_STILL or isinstance(error, UNANSWERED):
        return errors.UnknownOutcome(errors.DONE_IN_PART) if is_saved else _unanswered(error)
    if _cannot_be_sent(error):
        return BadRequest("This has a character that is not allowed.")
    if isinstance(error, HTTPException) and (known := _of_http(error)):
        return known
    return failed("A part of this was saved: look before you try again." if is_saved else UNCHANGED)


def _unanswered(error: Exception) -> PortalError:
    code = writability.code_of(error)
    if code == TOOK_TOO_LONG:
        return errors.Unavailable(GIVEN_UP)
    # PostgreSQL ends a transaction that is idle for so long. The next statement gets that reason,
    # but a pipeline gets the error of a lost connection.
    now = time.perf_counter()
    is_late = now - g.get("request_started", now) >= deadlines.IDLE_IN_TRANSACTION_SECONDS
    if code == STOOD_STILL or is_late:
        return errors.Unavailable(LATE)
    return errors.Unavailable("The database does not answer right now. Try again in a moment.")


def failed(what_was_saved: str = "") -> PortalError:
    """Return the error for a fault of our own, with a sentence about what was saved, if known."""
    again = "If it happens again, tell your platform's operators the request id."
    return PortalError(
        " ".join(filter(None, ("Something failed on our side.", what_was_saved, again)))
    )


def _of_http(error: HTTPException) -> PortalError | None:
    if isinstance(error, NoSuchMethod):
        return errors.MethodNotAllowed(allowed=_allowed(error))
    status = error.code or 500
    if kind := HTTP_ERRORS.get(status):
        return kind()
    return BadRequest() if status < 500 else None


def _allowed(error: NoSuchMethod) -> list[str]:
    """Return the methods of the path that was asked for.

    The error also knows those of other rules that match: `/api-keys/{id}` for `/api-keys/verify`.
    """
    adapter = current_app.create_url_adapter(request)
    try:
        assert adapter is not None  # noqa: S101 - there is one for a request
        rule, _ = adapter.match(method="OPTIONS", return_rule=True)
    except HTTPException:
        return sorted(error.valid_methods or ())
    return methods_of(rule.rule)


def methods_of(path: str) -> list[str]:
    """Return the methods of a path as it was declared, with its names of ids."""
    rules = (rule for rule in current_app.url_map.iter_rules() if rule.rule == path)
    return sorted(set[str]().union(*(rule.methods or () for rule in rules)))


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
    # Masked before it is cut: what is left of a key could not be recognised.
    agent = masked(environ.get("HTTP_USER_AGENT", ""))[:300] or None
    return Origin(ip=environ.get("REMOTE_ADDR"), user_agent=agent, request_id=request_id())


def bearer_of(sent: str) -> str:
    """Return the bearer credential of an Authorization header; an empty text if it has none."""
    scheme, _, token = sent.partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.isascii() else ""


def authenticate(authenticators: Sequence[Authenticator]) -> Actor:
    """Return the caller of the bearer credential. Raises Unauthenticated without any detail."""
    sent = request.environ.get("HTTP_AUTHORIZATION", "")
    token = bearer_of(sent)
    if not token:
        raise Unauthenticated(
            "Send “Authorization: Bearer …” with an access token or an API key.",
            was_sent=bool(sent),
        )
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
        raise BadRequest(errors=[FieldError("body", "This must be a JSON object.")])
    return value


def no_parameters() -> None:
    """Refuse a query string where none has a meaning: a typo must not be ignored silently."""
    if not request.environ["QUERY_STRING"]:  # parsing an empty one takes time, too
        return
    for name in request.args:
        raise listing.unknown(name, ())


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a POST. `secrets` are part of this one response and are not stored. `tag` is
    the ETag of the document if that is a record.

    If they are not at the top of the document, `revealed` is the whole document with them.
    """

    document: dict[str, Any]
    status: int
    location: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    tag: str | None = None
    revealed: dict[str, Any] | None = field(default=None, repr=False)


def once(
    work: Callable[[], Outcome], tag_again: Callable[[Mapping[str, Any]], str] | None = None
) -> Response:
    """Run a POST at most once for each Idempotency-Key of the caller. `tag_again` returns the ETag
    of a repeated answer, from its document."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and (earlier := idempotency.claim(actor(), key, _fingerprints())):
        tag = tag_again(earlier.document) if tag_again and earlier.document else None
        headers = {"Idempotency-Replayed": "true", **_headers(earlier.location, tag)}
        return answer(earlier.document, earlier.status, headers)
    done = work()
    if key is not None:
        kept = {**done.document, **dict.fromkeys(done.secrets)}
        stored = orjson.loads(encoded(kept))
        idempotency.remember(actor(), key, idempotency.Answer(done.status, stored, done.location))
    if done.secrets or done.revealed:
        compression.leave_plain()
    headers = _headers(done.location, done.tag)
    secrets = dict.fromkeys(done.secrets) if dry_run.is_on() else done.secrets
    shown = {**done.document, **secrets}
    if done.revealed and not dry_run.is_on():
        shown = done.revealed
    return answer(shown, done.status, headers)


def _headers(location: str | None, tag: str | None) -> dict[str, str]:
    found = {"Location": location, "ETag": tag}
    return {name: value for name, value in found.items() if value}


# ---------------------------------------------------------------- wiring


def blueprint(
    operations: Sequence[Operation],
    authenticators: Sequence[Authenticator],
    admit: Admission,
) -> Blueprint:
    """Return the routes of all operations. Each authenticates first, then checks the permission."""
    api = Blueprint("api", __name__, url_prefix=PREFIX)

    for operation in operations:
        view = _guarded(operation, authenticators, admit)
        api.add_url_rule(
            _rule(operation.path),
            operation.id.replace(".", "_"),
            view,
            methods=[operation.method],
            provide_automatic_options=False,
        )
    for path in dict.fromkeys(operation.path for operation in operations):
        api.add_url_rule(_rule(path), "options", _options, methods=["OPTIONS"])
    return api


def _rule(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


def _options(**_: str) -> Response:
    """Return the methods of a path, to everybody."""
    assert request.url_rule is not None  # noqa: S101 - a view has one
    return Response(status=204, headers={"Allow": ", ".join(methods_of(request.url_rule.rule))})


def _guarded(
    operation: Operation, authenticators: Sequence[Authenticator], admit: Admission
) -> Callable[..., Any]:
    def view(**ids: str) -> Response:
        caller = authenticate(authenticators)
        is_dry = operation.is_write and validate_only.is_preferred(request.headers)
        admit(caller, operation.scope, is_dry)
        for scope in operation.more_scopes:
            caller.require(scope)
        g.actor = replace(caller, is_changing=True) if operation.changes else caller
        _check(operation, ids)
        if is_dry:
            return validate_only.checked(operation, lambda: operation.view(**ids))
        response: Response = operation.view(**ids)
        if operation.method == "GET" and "ETag" not in response.headers:
            response.set_etag(entity_tags.hash_of(response.get_data()))
        return response

    return view


def _check(operation: Operation, ids: Mapping[str, str]) -> None:
    """Refuse a request that no view needs to see: its query, its body, or its `If-Match`."""
    if request.environ["QUERY_STRING"]:  # parsing an empty one takes time, too
        _check_query(operation)
    if operation.needs_body and not request.get_data(cache=True):
        raise BadRequest(errors=[FieldError("body", "Send a JSON object, {} at least.")])
    if operation.is_write and "HTTP_IF_MATCH" in request.environ:
        _check_version(operation.record, ids)


def _check_query(operation: Operation) -> None:
    for name, text in listing.each_once(operation.query, request.args).items():
        if not text:
            raise listing.refused(name, "Give this parameter a value, or leave it out.")


def _check_version(model: type[Record] | None, ids: Mapping[str, str]) -> None:
    """Refuse to change another version than `If-Match` names. The record's row is locked.

    A request that was answered already gets its answer again, though the version is another now.
    """
    if model is None:
        message = "This changes no record with a version. Send the request without this header."
        raise BadRequest(errors=[FieldError("If-Match", message)])
    record = find(model, actor(), ids["id"], lock=True, include_deleted=True)
    if entity_tags.names(request.headers["If-Match"], record.version) or _was_answered():
        return
    raise errors.PreconditionFailed(
        f"This {record.noun} is at version {record.version} now. Load it again."
    )


def _was_answered() -> bool:
    key = request.headers.get("Idempotency-Key")
    return key is not None and idempotency.is_answered(actor(), key, _fingerprints())


def _fingerprints() -> list[bytes]:
    return idempotency.fingerprints(request.method, request.path, request.get_data(cache=True))


def is_api_request() -> bool:
    """Tell whether a program sent the current request, so that errors are JSON as well."""
    return is_api_path(request.path)


def is_api_path(path: str) -> bool:
    """Tell whether a path is for programs: of the API, or of a standard."""
    return path.startswith(FOR_PROGRAMS)


def init_app(
    app: Flask,
    operations: Sequence[Operation],
    authenticators: Sequence[Authenticator],
    document: Callable[[], Kept],
    admit: Admission,
) -> None:
    """Register the REST side of the portal, and its OpenAPI document, which everybody may read."""
    app.extensions["portal.operations"] = tuple(operations)
    api = blueprint(operations, authenticators, admit)

    def view() -> Response:
        return respond(document().answer(request.method, request.headers))

    api.add_url_rule("/openapi.json", "openapi", view, provide_automatic_options=False)
    api.add_url_rule("/openapi.json", "options", _options, methods=["OPTIONS"])
    app.register_blueprint(api)
