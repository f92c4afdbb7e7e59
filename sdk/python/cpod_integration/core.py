"""Decide everything that needs no network: requests, retries, answers, errors.

`client` and `async_client` only carry bytes and wait; they ask this module what to do.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from cpod_integration import errors
from cpod_integration.records import Page, Record, etag_of, hide, id_of
from cpod_integration.secret import Secret, revealed

PREFIX = "/api/v1/integration"
AGENT = "cpod-integration-python/0.1"
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
LARGEST_ANSWER = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the API. `secrets` are the fields of its answer that hide themselves."""

    method: str
    path: str
    secrets: tuple[str, ...] = ()
    has_body: bool = False
    has_key: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """The arguments of one call."""

    ids: tuple[str | Mapping[str, Any], ...] = ()
    body: Any = None
    query: Mapping[str, Any] | None = None
    if_match: str | None = None
    idempotency_key: str | None = None
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent. `repeatable`: sent twice, it does no more than sent once."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    repeatable: bool

    def __repr__(self) -> str:
        return f"Request({self.method} {self.target.partition('?')[0]})"


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. The names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failed(Exception):
    """No whole answer came. `sent` tells whether a byte of the request may have been sent."""

    def __init__(self, reason: str, *, sent: bool, late: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.sent, self.late = reason, sent, late


@dataclass(frozen=True, slots=True)
class Settings:
    """The address and the limits that a client was given."""

    is_tls: bool
    host: str
    port: int
    base_path: str
    timeout: float
    connect_timeout: float
    read_timeout: float
    retries: int

    @property
    def authority(self) -> str:
        """Return the Host header: the port only if it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.is_tls else 80) else f"{host}:{self.port}"


def settings(base_url: str, **limits: Any) -> Settings:
    """Return the settings of a client. Raises ValueError for an address that cannot be used."""
    parts = urlsplit(base_url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("base_url is the portal's address, such as https://portal.example.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("base_url has no user, no query and no fragment. Pass the token as token=")
    is_tls = parts.scheme == "https"
    port = parts.port or (443 if is_tls else 80)
    path = quote(parts.path.rstrip("/").removesuffix(PREFIX), safe="/%")
    return Settings(is_tls, parts.hostname, port, path, **limits)


# ---------------------------------------------------------------- requests


def request(settings: Settings, operation: Operation, given: Given, token: str | Secret) -> Request:
    """Return the request of one call. A POST that can have one always has an Idempotency-Key."""
    ids = map(id_of, given.ids)
    path = "/".join(
        quote(next(ids), safe="") if part.startswith("{") else part
        for part in operation.path.split("/")
    )
    query = _query(given.query or {})
    body = _body(operation, given)
    return Request(
        method=operation.method,
        target=settings.base_path + PREFIX + path + (f"?{query}" if query else ""),
        headers=tuple(_headers(settings, operation, given, revealed(token), len(body))),
        body=body,
        repeatable=operation.method == "GET" or operation.has_key,
    )


def _query(asked: Mapping[str, Any]) -> str:
    return urlencode({name: _value(value) for name, value in asked.items() if value is not None})


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(_value, value))
    return str(value)


def _body(operation: Operation, given: Given) -> bytes:
    if not operation.has_body:
        return b""
    document = {} if given.body is None else given.body
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def _headers(
    settings: Settings, operation: Operation, given: Given, token: str, length: int
) -> list[tuple[str, str]]:
    if not _is_printable(token) or " " in token:
        raise ValueError("The token is empty or has a character that no token has.")
    found = [
        ("Host", settings.authority),
        ("Authorization", f"Bearer {token}"),
        ("Accept", "application/json"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", AGENT),
    ]
    if operation.method != "GET":
        found.append(("Content-Length", str(length)))
    if operation.has_body:
        found.append(("Content-Type", "application/json"))
    if operation.has_key:
        found.append(("Idempotency-Key", given.idempotency_key or os.urandom(16).hex()))
    if given.validate_only:
        found.append(("Prefer", "validate-only"))
    if tag := given.if_match or _held_tag(operation, given):
        found.append(("If-Match", tag))
    if not all(_is_printable(value) for _, value in found):
        raise ValueError("Idempotency-Key and If-Match are printable ASCII.")
    return found


def _is_printable(value: str) -> bool:
    return value.isascii() and value.isprintable() and value != ""


def _held_tag(operation: Operation, given: Given) -> str | None:
    """Return the tag of the record that is changed. The first id of a path names it."""
    changes = operation.method in ("PATCH", "PUT", "DELETE")
    return etag_of(given.ids[0]) if changes and given.ids else None


# ---------------------------------------------------------------- retries


class Attempts:
    """Decide after each attempt whether to try again. All of them together have one deadline.

    A write without an Idempotency-Key is not sent again once a byte of it was sent, unless the
    portal said that it did nothing (429; for PUT and DELETE also 503, but for `unknown_outcome`).
    """

    def __init__(self, settings: Settings, request: Request) -> None:
        self._settings, self._request = settings, request
        self._done = 0
        self.deadline = time.monotonic() + settings.timeout

    def pause_after(self, outcome: Answer | Failed) -> float | None:
        """Return the seconds to wait before the next attempt; None if there is none."""
        self._done += 1
        if self._done > self._settings.retries or not self._may_repeat(outcome):
            return None
        pause = self._pause(outcome)
        return pause if time.monotonic() + pause < self.deadline else None

    def _may_repeat(self, outcome: Answer | Failed) -> bool:
        if isinstance(outcome, Failed):
            return self._request.repeatable or not outcome.sent
        if outcome.status == 429:
            return True
        if outcome.status == 503:
            return self._request.repeatable or (
                self._request.method in ("PUT", "DELETE") and not _may_be_done(outcome)
            )
        return outcome.status in (502, 504) and self._request.repeatable

    def _pause(self, outcome: Answer | Failed) -> float:
        if isinstance(outcome, Answer):
            asked = errors.seconds_of(outcome.headers.get("retry-after"))
            if asked is not None:
                return asked
        most = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** (self._done - 1))
        # Between a half and all of it, so that many clients do not come back at the same moment.
        return most * (0.5 + os.urandom(1)[0] / 512)


def _may_be_done(answer: Answer) -> bool:
    return (_parsed(answer) or {}).get("code") == "unknown_outcome"


# ---------------------------------------------------------------- answers


def result(operation: Operation, request: Request, outcome: Answer | Failed) -> Any:
    """Return the record of an answer, or None if it has none. Raises what went wrong."""
    document = _document(request, outcome)
    if document is None:
        return None
    if operation.secrets:
        hide(document, operation.secrets)
    assert isinstance(outcome, Answer)  # noqa: S101 - a Failed has been raised
    return Record.with_etag(document, outcome.headers.get("etag"))


def page(request: Request, outcome: Answer | Failed) -> Page[Any]:
    """Return one page of a list. Raises what went wrong."""
    document = _document(request, outcome)
    items = document.get("items") if document else None
    if document is None or not isinstance(items, list):
        raise errors.TransportError("The answer is not a list. Is base_url the portal's address?")
    return Page(document, map(Record, items))


def check_progress(cursor: str, page: Page[Any]) -> None:
    """Refuse a page that leads back to itself, which would never end."""
    if page.next_cursor == cursor:
        raise errors.TransportError("The list does not go on: its next page is the same one.")


def _document(request: Request, outcome: Answer | Failed) -> dict[str, Any] | None:
    is_write = request.method != "GET"
    if isinstance(outcome, Failed):
        kind = errors.DeadlineExceeded if outcome.late else errors.TransportError
        raise kind(outcome.reason, may_be_done=is_write and outcome.sent) from outcome
    if not 200 <= outcome.status < 300:
        kind_of_error = errors.KINDS.get(outcome.status, errors.ApiError)
        raise kind_of_error(outcome.status, _parsed(outcome) or {}, outcome.headers)
    if outcome.status == 204:
        return None
    document = _parsed(outcome)
    if document is None:
        raise errors.TransportError(
            "The answer is not a JSON object. Is base_url the portal's address?", is_write
        )
    return document


def _parsed(answer: Answer) -> dict[str, Any] | None:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("application/json", "application/problem+json"):
        return None
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
