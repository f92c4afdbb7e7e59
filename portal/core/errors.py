"""Define the errors of the domain, each with an HTTP status, a code and one sentence for people.

Code raises one where a rule is broken. `portal.rest.api` renders it as RFC 9457 problem details,
and `portal.web` renders it as a page.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any, ClassVar

from portal.core.key_shape import masked

LONGEST_COMPARED, MOST_COMPARED = 60, 100  # characters, and names


@dataclass(frozen=True, slots=True)
class FieldError:
    """Describe the error of one field. `field` is its path on the wire: `config.baseUrl`.

    A raw key in either is masked: somebody may send one as a name.
    """

    field: str
    message: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "field", masked(self.field))
        object.__setattr__(self, "message", masked(self.message))


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return a sentence that offers the known name nearest to the given one, or nothing.

    It begins with a space, to be put behind another sentence. Long names and long lists are not
    compared, because that takes time.
    """
    offered = list(islice(known, MOST_COMPARED))
    if len(given) > LONGEST_COMPARED:
        return ""
    near = get_close_matches(given, offered, n=1) or get_close_matches(given.lower(), offered, n=1)
    return f" Did you mean “{near[0]}”?" if near else ""


def one_of(given: str, choices: Collection[str]) -> str:
    """Return the sentence for a value that is none of the choices."""
    return f"Choose one of {', '.join(choices)}.{did_you_mean(given, choices)}"


class PortalError(Exception):
    """Base class of the domain's errors. `detail` is a sentence for people, without any secret:
    a raw key in it, which somebody took for an id or a name, is masked."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong"

    def __init__(self, detail: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        self.detail = masked(detail or self.title)
        self.errors = tuple(errors)
        super().__init__(self.detail)

    @property
    def headers(self) -> dict[str, str]:
        """Return the response headers that this error adds."""
        return {}

    @property
    def extra(self) -> dict[str, Any]:
        """Return the members that this kind of problem adds to the problem document."""
        return {}


class BadRequest(PortalError):
    """The request cannot be parsed: broken JSON, a bad cursor, a repeated parameter."""

    status, code, title = 400, "bad_request", "The request cannot be read"


UNKNOWN = "This credential is unknown, or does not work now."


class Unauthenticated(PortalError):
    """The credential is missing or invalid. The response never reports which part was wrong."""

    status, code, title = 401, "unauthenticated", "Sign in or send a valid credential"

    def __init__(self, detail: str = "", *, was_sent: bool = True) -> None:
        super().__init__(detail)
        self.was_sent = was_sent

    @property
    def headers(self) -> dict[str, str]:
        """Return the authentication scheme, without the reason (RFC 6750, section 3).

        A request without a credential gets no error code.
        """
        return {"WWW-Authenticate": 'Bearer error="invalid_token"' if self.was_sent else "Bearer"}


class Forbidden(PortalError):
    """The caller is known but not allowed to do this. `scope` is the missing permission."""

    status, code, title = 403, "forbidden", "You may not do this"

    def __init__(self, detail: str = "", *, scope: str | None = None) -> None:
        super().__init__(detail)
        self.scope = scope

    @property
    def headers(self) -> dict[str, str]:
        """Return a header that names the missing scope (RFC 6750, section 3.1)."""
        if self.scope is None:
            return {}
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.scope}"'}


class NotFound(PortalError):
    """The record does not exist for this caller. Another tenant's id looks like a made-up one."""

    status, code, title = 404, "not_found", "There is nothing here"


class MethodNotAllowed(PortalError):
    """The path exists, but it does not support the method."""

    status, code, title = 405, "method_not_allowed", "This address does not take that method"

    def __init__(self, detail: str = "", *, allowed: Sequence[str] = ()) -> None:
        super().__init__(detail)
        self.allowed = allowed

    @property
    def headers(self) -> dict[str, str]:
        """Return the methods that the path supports (RFC 9110, 10.2.1)."""
        return {"Allow": ", ".join(self.allowed)}


class Conflict(PortalError):
    """The change contradicts the stored data. `current` is the record as it is stored now."""

    status, code, title = 409, "conflict", "This conflicts with what is already there"

    def __init__(
        self,
        detail: str = "",
        *,
        errors: Sequence[FieldError] = (),
        current: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(detail, errors=errors)
        self.current = current

    @property
    def extra(self) -> dict[str, Any]:
        """Return the stored record, so that the caller can merge without another request."""
        return {} if self.current is None else {"current": self.current}


class StaleVersion(Conflict):
    """Somebody else has saved first (optimistic concurrency, the specification's `version`)."""

    code, title = "stale_version", "Somebody else saved this first"


class QuotaReached(Conflict):
    """The tenant has reached a limit; `quota` is the limit's name on the wire."""

    code, title = "quota_reached", "Your tenant has reached its quota"

    def __init__(self, detail: str, *, quota: str, used: int, limit: int) -> None:
        super().__init__(detail)
        self.quota, self.used, self.limit = quota, used, limit

    @property
    def extra(self) -> dict[str, Any]:
        """Return the numbers in a form that programs can read."""
        return {"quota": self.quota, "used": self.used, "limit": self.limit}


class Locked(PortalError):
    """The record is disabled, and stays so until a person enables it."""

    status, code, title = 423, "locked", "This is disabled"


class PreconditionFailed(PortalError):
    """`If-Match` names a version that is no longer the current one (RFC 9110, 13.1.1)."""

    status, code, title = 412, "precondition_failed", "Somebody else saved this first"


class RequestTimeout(PortalError):
    """The request did not arrive completely within the time limit."""

    status, code, title = 408, "request_timeout", "The request arrived too slowly"


class TooLarge(PortalError):
    """The request has more bytes than the portal accepts."""

    status, code, title = 413, "too_large", "That is too large"


class UnsupportedMediaType(PortalError):
    """The body has a format that the operation does not accept."""

    status, code, title = 415, "unsupported_media_type", "Send JSON"


class Invalid(PortalError):
    """The request can be parsed but breaks a rule of the domain. `errors` names the fields."""

    status, code, title = 422, "invalid", "Some fields need attention"

    def __init__(self, errors: Sequence[FieldError], detail: str = "") -> None:
        super().__init__(detail, errors=errors)

    @classmethod
    def field(cls, name: str, message: str) -> "Invalid":
        """Return an error with one message for one field, the usual case."""
        return cls([FieldError(name, message)])


class RateLimited(PortalError):
    """The caller sends too many requests. `retry_after` is in seconds."""

    status, code, title = 429, "rate_limited", "Too many requests"

    def __init__(self, detail: str = "", *, retry_after: int = 1) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return the seconds to wait before a retry (RFC 9110, 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class QuotaExceeded(RateLimited):
    """The tenant makes more requests or events per second than allowed.

    `quota` is the limit's name on the wire.
    """

    code, title = "quota_exceeded", "Your tenant is over its quota"

    def __init__(self, detail: str, *, quota: str, limit: int, retry_after: int) -> None:
        super().__init__(detail, retry_after=retry_after)
        self.quota, self.limit = quota, limit

    @property
    def headers(self) -> dict[str, str]:
        """Return the parent's headers and the limit (draft-ietf-httpapi-ratelimit-headers)."""
        return {
            **super().headers,
            "RateLimit": f'"{self.quota}";r=0;t={self.retry_after}',
            "RateLimit-Policy": f'"{self.quota}";q={self.limit};w=1',
        }

    @property
    def extra(self) -> dict[str, Any]:
        """Return the numbers in a form that programs can read."""
        return {"quota": self.quota, "limit": self.limit}


MAY_BE_DONE = (
    "The connection to the database broke while this was being saved, so it may have been done."
    " Look, or send it again with the same Idempotency-Key or id."
)
DONE_IN_PART = (
    "The connection to the database broke after a part of this was saved. Look before you send it"
    " again."
)
HELD_UP_IN_PART = (
    "Another change held this up after a part of it was saved. Look before you send it again."
)
SAVED_IN_PART = (
    "A part of this was saved, then nothing more could be: {why}. Look before you send it again."
)


class UnknownOutcome(PortalError):
    """The connection broke during the commit, after a part was saved, or before an answer came."""

    status, code, title = 503, "unknown_outcome", "This may have been saved"

    def __init__(self, detail: str = MAY_BE_DONE) -> None:
        super().__init__(detail)

    @property
    def headers(self) -> dict[str, str]:
        """Return the seconds to wait before a retry (RFC 9110, 10.2.3)."""
        return {"Retry-After": "5"}


class Unavailable(PortalError):
    """Something that the portal depends on does not respond. `retry_after` is in seconds."""

    status, code, title = 503, "unavailable", "Not available right now"

    def __init__(self, detail: str = "", *, retry_after: int = 5) -> None:
        super().__init__(detail)
        self.retry_after = retry_after

    @property
    def headers(self) -> dict[str, str]:
        """Return the seconds to wait before a retry (RFC 9110, 10.2.3)."""
        return {"Retry-After": str(self.retry_after)}


class Busy(Unavailable):
    """Another transaction holds what this one needs to lock, for too long."""

    code, title = "busy", "Another change of this is not done yet"

    def __init__(self) -> None:
        super().__init__(
            "Another change of this is not done yet, so nothing was changed. Send it again in a"
            " moment.",
            retry_after=2,
        )


class NotSaving(Unavailable):
    """The database can be read but not written. `why` is a sentence without its full stop."""

    code, title = "not_saving", "Saving does not work right now"

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(
            f"{why[0].upper()}{why[1:]}, so nothing can be saved until that has changed. What is"
            " stored can still be read.",
            retry_after=60,
        )
