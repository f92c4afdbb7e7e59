"""What goes out, and what came of it: plain values that can be stored and shown."""

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
"""How far an attempt came; a timeout is explained by it."""

KEEP_BYTES = 16 * 1024
READ_BYTES = 64 * 1024
MAX_RETRY_AFTER = timedelta(hours=24)
_ABSURD = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Times in seconds.

    `timeout` runs until the answer's headers are there, `read_timeout` is added for its body.
    Of the body `keep` bytes come back; with `whole=True` a longer one makes the outcome
    `too_large`, for callers that parse it.

    A kept connection that breaks before a byte of the answer was most likely closed while it was
    idle, so the request is sent again at once on a new one; `once=True` forbids that, for what
    the receiver must not see twice.
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


class Timings(NamedTuple):
    """Milliseconds of each stage; None for a stage that did not happen or did not end."""

    dns_ms: float | None = None
    connect_ms: float | None = None
    tls_ms: float | None = None
    wait_ms: float | None = None
    read_ms: float | None = None
    total_ms: float = 0.0


NO_TIMINGS = Timings()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request; never an exception.

    An answer counts only when it is complete: 2xx headers whose body breaks off or never ends
    are a failure (`status` still tells them), because receivers die halfway, and a sender that
    repeats loses nothing while one that believes does. A body longer than `READ_BYTES` is
    cut there, and that is a complete answer.

    `explanation` and `remedy` are sentences for people. Neither they nor any other field tell
    where a forbidden address points.
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

    @property
    def succeeded(self) -> bool:
        return self.kind == "delivered"

    @property
    def text(self) -> str:
        """Return the body for people: what is not UTF-8, and NUL, shown as U+FFFD."""
        return readable(self.body)

    def header(self, name: str) -> str | None:
        """Return the first header of that name, in any case."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


def readable(raw: bytes) -> str:
    """Text that every database, log and page takes."""
    return raw.decode("utf-8", "replace").replace("\x00", "\ufffd")


def read_retry_after(value: str | None, date: str | None = None) -> timedelta | None:
    """Return how long the receiver asks to wait: seconds or an HTTP date (RFC 9110, 10.2.3).

    A date is meant by the receiver's clock, which its own `Date` header tells, else by ours. At
    most 24 hours; None when it says nothing, lies in the past or is absurd.
    """
    wait = _seconds(value.strip()) or _until(value, date) if value else None
    if wait is None or not timedelta(0) < wait <= _ABSURD:
        return None
    return min(wait, MAX_RETRY_AFTER)


def _seconds(value: str) -> timedelta | None:
    # The length keeps a million digits away from int(), which is quadratic.
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
