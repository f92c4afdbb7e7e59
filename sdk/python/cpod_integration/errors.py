"""Define what can go wrong.

    CpodError
      ApiError              the portal refused: status, code, detail, fields, request_id
        BadRequest 400, Unauthenticated 401, Forbidden 403, NotFound 404, Conflict 409,
        PreconditionFailed 412, Invalid 422, RateLimited 429, Unavailable 503
      TransportError        no answer came, or none that can be read
        DeadlineExceeded    it took too long
      VerificationError     a webhook is not genuine (cpod_integration.webhooks)

No error contains the token or a body that was sent.
"""

from collections.abc import Mapping
from typing import Any


class CpodError(Exception):
    """Anything that this package raises on its own account."""


class ApiError(CpodError):
    """The portal answered with an error.

    `code` is stable and meant for programs, `detail` is a sentence for people, `fields` maps the
    name of each wrong field to a message, `request_id` finds the request in the portal's logs.
    """

    def __init__(
        self,
        status: int,
        problem: Mapping[str, Any],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, problem, headers)
        headers = headers or {}
        self.status = status
        self.code = _text(problem.get("code")) or f"http_{status}"
        self.detail = _text(problem.get("detail")) or f"The portal answered with status {status}."
        self.request_id = _text(problem.get("request_id")) or headers.get("x-request-id", "")
        self.fields = _fields(problem.get("errors"))
        current = problem.get("current")
        self.current: dict[str, Any] | None = dict(current) if isinstance(current, dict) else None
        self.retry_after = seconds_of(headers.get("retry-after"))

    def __str__(self) -> str:
        wrong = "".join(f" {field}: {message}" for field, message in self.fields.items())
        ending = f" [{self.request_id}]" if self.request_id else ""
        return f"{self.status} {self.code}: {self.detail}{wrong}{ending}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class BadRequest(ApiError):
    """The request cannot be understood (400)."""


class Unauthenticated(ApiError):
    """The token is missing, unknown, expired or revoked (401)."""


class Forbidden(ApiError):
    """The token's scopes or role do not allow it (403)."""


class NotFound(ApiError):
    """There is no such record, or it belongs to somebody else (404)."""


class Conflict(ApiError):
    """The record's state does not allow it (409). `current` is the stored record, if it changed."""


class PreconditionFailed(ApiError):
    """Somebody changed the record since you read it (412). Read it again."""


class Invalid(ApiError):
    """A field is wrong (422). `fields` has a message for each."""


class RateLimited(ApiError):
    """Too many requests (429). `retry_after` is the number of seconds to wait, if it was said."""


class Unavailable(ApiError):
    """The portal cannot answer right now (503)."""


class TransportError(CpodError):
    """No answer came, or none that can be read.

    `may_be_done` tells whether a write may have taken effect all the same: read the record.
    """

    def __init__(self, message: str, may_be_done: bool = False) -> None:
        super().__init__(message, may_be_done)
        self.may_be_done = may_be_done

    def __str__(self) -> str:
        return str(self.args[0])


class DeadlineExceeded(TransportError):
    """The answer did not come in time."""


KINDS: Mapping[int, type[ApiError]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    422: Invalid,
    429: RateLimited,
    503: Unavailable,
}


def seconds_of(retry_after: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which has seconds or a date; None for others."""
    if not retry_after:
        return None
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(retry_after)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _fields(errors: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in errors if isinstance(errors, list) else ():
        if isinstance(each, dict):
            found.setdefault(_text(each.get("field")), _text(each.get("message")))
    return found
