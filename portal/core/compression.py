"""Compress responses, except those whose length could reveal a secret.

How well a text can be compressed depends on the repetitions in it. Suppose that an attacker makes a
browser request a page with words of their choice, and sees how long the response is. They can then
guess the rest of the page, letter by letter (BREACH). So these are not compressed:

- a response with a fresh secret: the code that adds the secret calls `leave_plain`;
- a response to a request from another site: its words never meet a page's contents.

A browser too old to send where a request comes from gets compressed pages. They contain nothing
that helps an attacker: the form's token is masked anew for each response (`portal.web.form_token`),
and nonces, idempotency keys and form secrets are new in each response.
"""

import gzip
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from wsgiref.types import WSGIEnvironment

from flask import Flask, Response, g, request
from isal import isal_zlib
from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header, parse_etags

SMALLEST = 1400  # bytes; a smaller body fits into one packet anyway
LONGEST_HEADER = 500
LEVEL = 1  # igzip's: compresses a list of 184 KB in 0.05 ms; levels 2 and 3 save no more
GZIP = 31  # zlib's number for a window of 32 KB with gzip's header and trailer
SUFFIX = "-gzip"
"""Ends the ETag of a compressed body: other bytes need another strong tag (RFC 9110, 8.8.3.3)."""

TEXTUAL = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "image/svg+xml",
    }
)

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, bytes]
"""Status, headers, body."""


class RequestHeaders(Protocol):
    """Represent the headers of a request, whatever framework has parsed them."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header. The name is given in lower case."""


def compress(body: bytes) -> bytes:
    """Return the body as gzip."""
    return bytes(isal_zlib.compress(body, LEVEL, GZIP))


def is_textual(mimetype: str) -> bool:
    """Tell whether to compress content of this type. Event streams are sent as events happen."""
    if mimetype.startswith("text/"):
        return mimetype != "text/event-stream"
    return mimetype in TEXTUAL


@dataclass(frozen=True, slots=True)
class Codings:
    """Hold whether a client prefers gzip, and whether it accepts plain (RFC 9110, 12.5.3)."""

    gzip: bool
    plain: bool


@lru_cache(maxsize=256)
def _codings(accept_encoding: str) -> Codings:
    qualities: dict[str, float] = {}
    for name, quality in parse_accept_header(accept_encoding, Accept):
        qualities.setdefault(name.lower(), quality)  # the one with the higher quality comes first
    any_other = qualities.get("*")
    zipped = qualities.get("gzip", qualities.get("x-gzip", any_other)) or 0
    plain = qualities.get("identity", any_other)
    return Codings(gzip=zipped > 0 and zipped >= (plain or 0), plain=plain != 0)


def codings(accept_encoding: str | None) -> Codings:
    """Parse an `Accept-Encoding`. Without one, the client promises nothing: do not compress."""
    if not accept_encoding or len(accept_encoding) > LONGEST_HEADER:
        return Codings(gzip=False, plain=True)
    return _codings(accept_encoding)


# ---------------------------------------------------------------- responses built once


@dataclass(frozen=True, slots=True)
class _Coded:
    """Hold a body in one coding, with its headers."""

    body: bytes
    tag: str
    headers: Headers
    """Of an answer without the body (304)."""
    of_body: Headers


class Kept:
    """Hold a body that is built once and sent many times, plain and compressed, with ETags."""

    def __init__(self, body: bytes, mimetype: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.digest = hashlib.sha256(body).hexdigest()
        zipped = gzip.compress(body, mtime=0) if is_textual(mimetype.partition(";")[0]) else body
        is_smaller = len(zipped) < len(body)
        always = [*headers, *([("Vary", "Accept-Encoding")] if is_smaller else [])]
        tag, of_body = self.digest[:20], [("Content-Type", mimetype)]
        self._plain = _coded(body, tag, always, of_body)
        coding = ("Content-Encoding", "gzip")
        self._zipped = (
            _coded(zipped, tag + SUFFIX, always, [*of_body, coding]) if is_smaller else None
        )

    def answer(
        self, method: str, asked: RequestHeaders, more: Sequence[tuple[str, str]] = ()
    ) -> Answer:
        """Return the response to a GET or HEAD: 200, or 304 if the client has the body already."""
        coded, takes = self._plain, codings(asked.get("accept-encoding"))
        if self._zipped is not None and (takes.gzip or not takes.plain):
            coded = self._zipped
        known = asked.get("if-none-match")
        if known is not None and parse_etags(known).contains_weak(coded.tag):
            return 304, [*coded.headers, *more], b""
        return 200, [*coded.of_body, *more], b"" if method == "HEAD" else coded.body


def _coded(body: bytes, tag: str, always: Headers, of_body: Headers) -> _Coded:
    headers = [*always, ("ETag", f'"{tag}"')]
    length = ("Content-Length", str(len(body)))
    return _Coded(body, tag, headers, [*headers, *of_body, length])


def respond(answer: Answer) -> Response:
    """Convert an answer for Flask, which derives the response to a HEAD from that to a GET."""
    status, headers, body = answer
    return Response(body, status, headers)


# ---------------------------------------------------------------- responses built for each request


def init_app(app: Flask) -> None:
    """Compress responses, and omit bodies that the client has already (`If-None-Match`)."""
    app.after_request(_compressed)


def leave_plain() -> None:
    """Keep this response uncompressed: its length must not reveal the new secret in it."""
    g.stays_plain = True


def _compressed(response: Response) -> Response:
    # Read headers by their key in the environ: a look-up by name costs ten times more.
    asked = request.environ
    if _may_be_compressed(response, asked):
        if "Vary" in response.headers:
            response.vary.add("Accept-Encoding")
        else:
            response.headers["Vary"] = "Accept-Encoding"
        takes = codings(asked.get("HTTP_ACCEPT_ENCODING"))
        body = response.get_data()
        if takes.gzip and (len(body) >= SMALLEST or not takes.plain):
            response.set_data(compress(body))
            response.headers["Content-Encoding"] = "gzip"
            _mark_as_compressed(response)
    if "HTTP_IF_NONE_MATCH" in asked and response.status_code == 200:
        response.make_conditional(request)
    return response


def _may_be_compressed(response: Response, asked: WSGIEnvironment) -> bool:
    return (
        response.status_code not in (204, 206, 304)
        and is_textual(response.mimetype or "")
        and not response.is_streamed
        and not response.direct_passthrough
        and "Content-Encoding" not in response.headers
        and "Accept-Encoding" not in response.headers.get("Vary", "")  # the view has set it already
        and not g.get("stays_plain")
        # Another site may have chosen the content of the request.
        and asked.get("HTTP_SEC_FETCH_SITE", "none") in ("none", "same-origin")
    )


def _mark_as_compressed(response: Response) -> None:
    tag, is_weak = response.get_etag()
    if tag is not None and not is_weak:
        response.set_etag(tag + SUFFIX)
