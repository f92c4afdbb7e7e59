"""Wrap every request, a person's or a program's: request id, commit, errors."""

import logging
from collections.abc import Iterable
from typing import cast
from urllib.parse import urlsplit
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask, Response, current_app, g, request
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from portal import web
from portal.core import compression
from portal.core.config import Config
from portal.core.config_values import Network
from portal.core.errors import BadRequest, NotFound, PortalError, UnknownOutcome
from portal.database import writability
from portal.database.session import commit_or_roll_back, roll_back
from portal.rest import api
from portal.rest.api import SAFE_METHODS
from portal.web import proxies

log = logging.getLogger("portal.web.edge")


# A load balancer calls these by the machine's address.
ANY_HOST = frozenset({"health.healthz", "health.readyz"})
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


def init_app(app: Flask, config: Config) -> None:
    """Set up one id and one commit per request, and one place that turns errors into responses.

    Addresses and names in proxy headers count only if a configured proxy sent them.
    """
    if config.trusted_proxies:
        answer = _behind(config.trusted_proxies, app.wsgi_app)
        app.wsgi_app = answer  # type: ignore[method-assign,assignment]
    ours = {urlsplit(config.base_url).hostname}
    app.extensions["hosts"] = ours if config.is_production else ours | LOOPBACK_NAMES
    writability.init_app(app)
    app.before_request(_begin)
    app.before_request(_for_us)
    app.before_request(_can_be_there)
    compression.init_app(app)  # after _finish: Flask runs the last one first
    app.after_request(_finish)
    for kind in (PortalError, HTTPException, Exception):
        app.register_error_handler(kind, _failed)


def _behind(trusted: tuple[Network, ...], answer: WSGIApplication) -> WSGIApplication:
    """Return `answer` with the client, the scheme and the host that a trusted proxy reports."""

    def answered(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        if proxies.is_trusted(peer, trusted):
            forwarded = environ.get("HTTP_X_FORWARDED_FOR", "")
            environ["REMOTE_ADDR"] = proxies.client_of(peer, forwarded, trusted)
            if scheme := proxies.scheme_of(environ.get("HTTP_X_FORWARDED_PROTO", "")):
                environ["wsgi.url_scheme"] = scheme
            if host := proxies.host_of(environ.get("HTTP_X_FORWARDED_HOST", "")):
                environ["HTTP_HOST"] = host
        return answer(environ, start)

    return answered


def _begin() -> None:
    g.request_id = api.new_request_id()


def _for_us() -> None:
    """Refuse a request for another host, such as a foreign name that resolves to our address."""
    asked = web.portal_request()
    # Compare the raw header with known names: `host` parses it first.
    host = asked.environ.get("HTTP_HOST") or asked.host
    name, _, port = host.rpartition(":")
    host = name if port.isdigit() else host
    if asked.endpoint not in ANY_HOST and host.lower() not in current_app.extensions["hosts"]:
        raise BadRequest("This is not the address of the portal.")


def _can_be_there() -> None:
    """Refuse an address with a NUL: no id has one, and PostgreSQL accepts none."""
    if "\x00" in request.path:
        raise NotFound


def _finish(response: Response) -> Response:
    try:
        commit_or_roll_back(response.status_code)
    except Exception as error:
        is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
        if is_lost and request.method in SAFE_METHODS:
            roll_back()
        else:
            response.close()  # another one is sent instead: this one gives back what it holds
            known = UnknownOutcome() if is_lost else error
            if type(api.in_our_words(known)) is PortalError:
                raise
            roll_back()
            response = cast(Response, _failed(known))
    response.headers["X-Request-Id"] = g.request_id
    return response


def _failed(error: Exception) -> AnyResponse:
    # An error that was raised after the view, as by the commit, is inside an InternalServerError.
    error = getattr(error, "original_exception", None) or error
    if isinstance(error, HTTPException) and error.response is not None:
        return error.get_response()  # abort(response): already a response
    roll_back()
    writability.known().note(error)
    known = api.in_our_words(error)
    if type(known) is PortalError:
        if current_app.testing:
            raise error
        log.error("unexpected error", exc_info=error)
    return api.problem(known) if api.is_api_request() else web.answer_fault(known)
