"""What every request passes, a person's or a program's: its id, its end, its errors."""

import logging

from flask import Flask, Response, current_app, g
from ulid import ULID
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from portal import api, web
from portal.db import commit_or_roll_back, session
from portal.errors import PortalError

log = logging.getLogger("portal.edge")


def init_app(app: Flask) -> None:
    """One id a request, one commit a request, one place that turns errors into answers."""
    app.before_request(_begin)
    app.after_request(_finish)
    for kind in (PortalError, HTTPException, Exception):
        app.register_error_handler(kind, _failed)


def _begin() -> None:
    g.request_id = f"req_{ULID()}"


def _finish(response: Response) -> Response:
    commit_or_roll_back(response.status_code)
    response.headers["X-Request-Id"] = g.request_id
    return response


def _failed(error: Exception) -> AnyResponse:
    if isinstance(error, HTTPException) and error.response is not None:
        return error.get_response()  # abort(response): already an answer
    session.rollback()
    known = api.in_our_words(error)
    if type(known) is PortalError:
        if current_app.testing:
            raise error
        log.error("unexpected error", exc_info=error)
    return api.problem(known) if api.is_api_request() else web.answer_fault(known)
