"""Define which headers a tenant may add to a request, and which no request may have."""

import re
from collections.abc import Mapping
from functools import lru_cache

IDENTITY = {"Accept-Encoding": "identity"}
"""Responses are read as they come: nothing is ever decompressed here."""

CLOSE = {"Connection": "close"}

MAX_HEADERS_BYTES = 8 * 1024

HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
HEADER_VALUE = r"[\t\x20-\x7e\x80-\xff]*"
_TOKEN = re.compile(HEADER_NAME)
_VALUE = re.compile(HEADER_VALUE)
_FRAMING = frozenset(
    {
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization",
        "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
_RESERVED = frozenset(
    {"accept-encoding", "cookie", "forwarded", "metadata-flavor", "user-agent", "via"}
)
_RESERVED_PREFIXES = (
    "content-", "metadata", "proxy-", "svix-", "webhook-", "x-amz-", "x-aws-", "x-forwarded-",
    "x-google-metadata", "x-ms-metadata",
)  # fmt: skip


def header_problems(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the problems of the headers that a tenant wants to add: name → sentence.

    A problem of all of them together has the name "".
    """
    problems = {
        name: problem for name, value in headers.items() if (problem := _problem(name, value))
    }
    if sum(len(name) + len(value) for name, value in headers.items()) > MAX_HEADERS_BYTES:
        problems[""] = f"The headers are longer than {MAX_HEADERS_BYTES} characters together."
    seen: set[str] = set()
    for name in headers:
        if name.lower() in seen:
            problems.setdefault(name, "A header is given twice.")
        seen.add(name.lower())
    return problems


def unsendable(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a header changes the framing of the request, or cannot be written at all."""
    if not _TOKEN.fullmatch(method) or not _VALUE.fullmatch("".join(headers.values())):
        return True
    return not all(map(_is_sendable, headers))


@lru_cache(1024)
def _is_sendable(name: str) -> bool:
    return bool(_TOKEN.fullmatch(name)) and name.lower() not in _FRAMING


def _problem(name: str, value: str) -> str | None:
    if not _writable(name, ""):
        return "A header's name may contain letters, digits and hyphens only."
    if not _writable(name, value):
        return f"The value of {name} contains a line break or another character no header takes."
    lowered = name.lower()
    reserved = lowered in _FRAMING or lowered in _RESERVED
    if reserved or lowered.startswith(_RESERVED_PREFIXES):
        return f"{name} is set by the sender and cannot be changed."
    return None


def _writable(name: str, value: str) -> bool:
    return bool(_TOKEN.fullmatch(name)) and bool(_VALUE.fullmatch(value))
