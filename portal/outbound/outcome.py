"""Define requests and their outcomes as plain values that can be stored and shown."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

Kind = Literal[
    "delivered",  # a complete answer 200-299
    "http_error",  # a complete answer with any other status
    "redirect",  # 3xx with a Location; never followed
    "forbidden_address",  # the guard refused the address; nothing was sent
    "invalid_request",  # the address or a header is malformed; nothing was sent
    "dns",
    "refused",
    "unreachable",
    "reset",
    "tls",
    "timeout",
    "too_large",  # headers over the limit, or a body that the caller wanted whole
    "protocol_error",  # what came back is not HTTP, or contradicts itself
    "cancelled",  # this side closed while the request was on its way
]
Stage = Literal["dns", "connect", "tls", "wait", "read"]
"""Name the step that an attempt had reached: it explains a timeout."""

KEEP_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
MAX_RETRY_AFTER = timedelta(hours=24)
_ABSURD = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Times are in seconds.

    `timeout` runs until the response's headers have arrived, and `read_timeout` is added for its
    body. The outcome has the first `keep` bytes of the body. With `whole=True`, a longer body makes
    the outcome `too_large`, for callers that parse it.

    A kept connection that breaks before the first byte of the response was most likely closed while
    it was idle, so the request is sent again at once on a new one. `once=True` forbids that, for
    requests that the receiver must not see twice. `trust` is a TLS context instead of the client's,
    with connections of its own (`OutboundClient.trust`).
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout: float = 15.0
    read_timeout: float = 5.0
    keep: int = KEEP_BYTES
    whole: bool = False
    once: bool = False
    trust: ssl.SSLContext | None = field(default=None, repr=False)


class Timings(NamedTuple):
    """Milliseconds of each stage. None for a stage that did not happen or did not end."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    wait_ms: float | None = None
    read_ms: float | None = None
    total_ms: float = 0.0


NO_TIMINGS = Timings()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of a request; never an exception.

    A response counts only when it is complete. 2xx headers with a body that breaks off or never
    ends are a failure (`status` still has them), because receivers crash halfway: a sender that
    retries loses nothing, while one that assumes success does. A body longer than `READ_BYTES` is
    cut there, and that counts as a complete response.

    `explanation` and `remedy` are sentences for people. No field reveals where a forbidden address
    points.
    """

    kind: Kind
    explanation: str
    remedy: str = ""
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = field(default=b"", repr=False)
    body_truncated: bool = False
    retry_after: timedelta | None = None
    timings: Timings = NO_TIMINGS
    address: str | None = None
    reused_connection: bool = False
    tls_version: str | None = None
    certificate_days: int | None = None
    """Whole days until the receiver's certificate expires."""
    unknown_name: bool = False
    """The name server said that there is no such name: asking again does not help."""
    stage: Stage = "dns"
    """The stage in which it ended."""

    @property
    def succeeded(self) -> bool:
        return self.kind == "delivered"

    @property
    def text(self) -> str:
        """Return the body for people. What is not UTF-8, and NUL, is shown as U+FFFD."""
        return readable(self.body)

    def header(self, name: str) -> str | None:
        """Return the first header with this name, ignoring case."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


def readable(raw: bytes) -> str:
    """Return text that every database, log and page accepts."""
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")


def read_retry_after(value: str | None, date: str | None = None) -> timedelta | None:
    """Return how long the receiver asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3).

    A date refers to the receiver's clock, given by its own `Date` header, or else to ours. Return
    at most 24 hours. Return None if the value is missing, lies in the past or is absurd.
    """
    wait = _seconds(value.strip()) or _until(value, date) if value else None
    if wait is None or not timedelta(0) < wait <= _ABSURD:
        return None
    return min(wait, MAX_RETRY_AFTER)


def _seconds(value: str) -> timedelta | None:
    # The limit keeps a million digits away from int(), which takes quadratic time.
    if value.isascii() and value.isdigit() and len(value) <= 9:
        return timedelta(seconds=int(value))
    return None


def _until(value: str, date: str | None) -> timedelta | None:
    end = _moment(value)
    return end - (_moment(date or "") or datetime.now(UTC)) if end else None


def _moment(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value[:64])
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
