"""Answers in fewer bytes: for whom, which ones, and which never.

How far a text can be compressed tells what it has in common with itself. Who makes a browser ask
for a page with words of their choice, and sees how long the answer is, guesses what else is on the
page, letter by letter (BREACH). So these are left as they are:

- an answer with a fresh secret: whatever puts one there says `leave_plain`;
- what another site made the browser ask for: nobody else's words meet a page's contents.

A browser too old to say where a request comes from gets compressed pages. They hold nothing that
opens anything: the form's token is masked anew for each answer (`portal.web.form_token`), and
nonces, idempotency keys and form secrets are made anew for each.
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

SMALLEST = 1400  # bytes: fewer fit into one packet anyway
LONGEST_HEADER = 500
LEVEL = 1  # igzip's: a list of 184 KB takes 0.05 ms; level 2 and 3 make nothing smaller
GZIP = 31  # zlib's number for a window of 32 KB and gzip's own head and tail
SUFFIX = "-gzip"
"""Ends the tag of what is compressed: other bytes need another strong tag (RFC 9110, 8.8.3.3)."""

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


class Asked(Protocol):
    """The headers of a request, whoever read them."""

    def get(self, name: str, /) -> str | None:
        """Return the value of a header, whose name is given in small letters."""


def compress(body: bytes) -> bytes:
    """Return the body as gzip."""
    return bytes(isal_zlib.compress(body, LEVEL, GZIP))


def is_textual(mimetype: str) -> bool:
    """Tell whether content of this type gets smaller; events that are sent as they happen stay
    apart."""
    if mimetype.startswith("text/"):
        return mimetype != "text/event-stream"
    return mimetype in TEXTUAL


@dataclass(frozen=True, slots=True)
class Codings:
    """What a client takes (RFC 9110, 12.5.3): gzip rather than plain, and plain at all."""

    gzip: bool
    plain: bool


@lru_cache(maxsize=256)
def _codings(accept_encoding: str) -> Codings:
    said: dict[str, float] = {}
    for name, quality in parse_accept_header(accept_encoding, Accept):
        said.setdefault(name.lower(), quality)  # the better of two comes first
    any_other = said.get("*")
    zipped = said.get("gzip", said.get("x-gzip", any_other)) or 0
    plain = said.get("identity", any_other)
    return Codings(gzip=zipped > 0 and zipped >= (plain or 0), plain=plain != 0)


def codings(accept_encoding: str | None) -> Codings:
    """Read an `Accept-Encoding`; none at all promises nothing, so the answer stays plain."""
    if not accept_encoding or len(accept_encoding) > LONGEST_HEADER:
        return Codings(gzip=False, plain=True)
    return _codings(accept_encoding)


# ---------------------------------------------------------------- what is made once


class Kept:
    """A body that is made once and given to many, plain and compressed, each with its tag."""

    def __init__(self, body: bytes, mimetype: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.digest = hashlib.sha256(body).hexdigest()
        self._mimetype, self._headers = mimetype, list(headers)
        self._plain = body
        zipped = gzip.compress(body, mtime=0) if is_textual(mimetype.partition(";")[0]) else body
        self._zipped = zipped if len(zipped) < len(body) else None

    def answer(self, method: str, asked: Asked, more: Sequence[tuple[str, str]] = ()) -> Answer:
        """Return the answer to a GET or HEAD: 200, or 304 for who has it already."""
        takes = codings(asked.get("accept-encoding"))
        body, tag, coding = self._plain, self.digest[:20], ""
        if self._zipped is not None and (takes.gzip or not takes.plain):
            body, tag, coding = self._zipped, tag + SUFFIX, "gzip"
        headers = [*self._headers, *more, ("ETag", f'"{tag}"')]
        if self._zipped is not None:
            headers.append(("Vary", "Accept-Encoding"))
        if parse_etags(asked.get("if-none-match")).contains_weak(tag):
            return 304, headers, b""
        headers += [("Content-Type", self._mimetype), ("Content-Length", str(len(body)))]
        if coding:
            headers.append(("Content-Encoding", coding))
        return 200, headers, b"" if method == "HEAD" else body


def respond(answer: Answer) -> Response:
    """Return the same for Flask, which makes the answer to a HEAD from the one to a GET itself."""
    status, headers, body = answer
    return Response(body, status, headers)


# ---------------------------------------------------------------- what is made for each request


def init_app(app: Flask) -> None:
    """Compress answers, and leave out those that the caller has already (`If-None-Match`)."""
    app.after_request(_compressed)


def leave_plain() -> None:
    """The answer holds a secret that is shown this once: its length must tell nothing."""
    g.stays_plain = True


def is_tag_of(tag: str, version: int) -> bool:
    """Tell whether an ETag, as we gave it with or without compression, names this version."""
    return tag in (f'"{version}"', f'"{version}{SUFFIX}"')


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
            _tell_apart(response)
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


def _tell_apart(response: Response) -> None:
    tag, is_weak = response.get_etag()
    if tag is not None and not is_weak:
        response.set_etag(tag + SUFFIX)
