"""Recognise the platform's raw API keys in any text, without a query.

The last six characters of a key are the checksum of the others, so a match is almost always a key.
It is found as well if characters of it are written as in an address (`%2D`, RFC 3986 2.1) or as in
JSON (`\\u002d`, RFC 8259 7).
"""

import binascii
import re
import string
from collections.abc import Iterator
from typing import Any

from portal.core.threads.precedence import give_way

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
LENGTH = 47
CHECKSUM_LENGTH = 6  # base62 characters, enough for 32 bits
MARK = "sk-"
SHAPE = re.compile(r"sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}")
_IN_BYTES = re.compile(SHAPE.pattern.encode())
_ESCAPE = re.compile(r"%[2-7][0-9A-Fa-f]|\\u00[2-7][0-9A-Fa-f]")
_ESCAPED_MARK = r"(?:s|%73|\\u0073)(?:k|%6[Bb]|\\u006[Bb])(?:-|%2[Dd]|\\u002[Dd])"
_REST = rf"(?:{_ESCAPE.pattern}|[0-9A-Za-z-]){{{LENGTH - len(MARK)}}}"
_ESCAPED = re.compile(_ESCAPED_MARK + _REST)
_ESCAPED_IN_BYTES = re.compile(_ESCAPED.pattern.encode())
# These match at every position, because a look-alike may end with the beginning of a key.
_ANYWHERE = re.compile(rf"(?=({SHAPE.pattern}))")
_ANYWHERE_ESCAPED = re.compile(rf"(?=({_ESCAPED.pattern}))")


def checksum(text: str) -> str:
    """Return the CRC32 of the text in base62 (0-9A-Za-z), padded with zeros to 6 characters."""
    value = binascii.crc32(text.encode())
    digits = ""
    for _ in range(CHECKSUM_LENGTH):
        value, digit = divmod(value, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits


def is_well_formed(text: str) -> bool:
    """Tell whether the text could be one of our keys, by its shape and checksum alone."""
    return (
        len(text) == LENGTH
        and SHAPE.fullmatch(text) is not None
        and checksum(text[:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]
    )


def holds_key(text: str) -> bool:
    """Tell whether the text contains a whole key."""
    return bool(_found(text))


def masked(text: str) -> str:
    """Return the text with each key shortened to its identifying parts: `sk-acme-sHk3…9fQz`."""
    pieces, end = list[str](), 0
    for start, next_end, key in _found(text):
        pieces += (text[end:start], f"{key[:12]}…{key[-4:]}")
        end = next_end
    return "".join([*pieces, text[end:]]) if pieces else text


def shown(text: str, most: int = 60) -> str:
    """Return the beginning of a text that somebody sent, for an answer, with each key masked.

    Keys are masked before the text is cut, because what is left of one no longer looks like a key.
    """
    return masked(text)[:most]


def may_hold_key(raw: bytes) -> bool:
    """Tell whether a document may contain keys. The test is fast and has few false positives."""
    if MARK.encode() in raw and _IN_BYTES.search(raw) is not None:
        return True
    return (b"%" in raw or b"\\u" in raw) and _ESCAPED_IN_BYTES.search(raw) is not None


def masked_bytes(raw: bytes) -> bytes:
    """Mask keys in bytes of any encoding that contains ASCII."""
    if not may_hold_key(raw):
        return raw
    return masked(raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def masked_value(value: Any) -> Any:
    """Return a JSON value with each key in it masked, in names of fields too."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, dict):
        return {masked_value(name): masked_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [masked_value(item) for item in value]
    return value


def places(value: Any, path: str, *, names_only: bool = False) -> Iterator[str]:
    """Yield the path of every text in a JSON value that contains a key.

    If a field's name contains one, yield the path of the field's parent. With `names_only`, the
    other texts may contain keys.
    """
    give_way()
    if isinstance(value, str):
        if not names_only and holds_key(value):
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            is_key = isinstance(name, str) and holds_key(name)
            below = places(item, f"{path}.{name}", names_only=names_only)
            yield from [path] if is_key else below
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from places(item, f"{path}.{number}", names_only=names_only)


def _found(text: str) -> list[tuple[int, int, str]]:
    """Return where each key begins and ends, and the key."""
    if "%" in text or "\\u" in text:
        shape = _ANYWHERE_ESCAPED if _ESCAPED.search(text) else None
    else:
        shape = _ANYWHERE if MARK in text else None
    if shape is None:
        return []
    matches = ((match.start(1), match.end(1), match[1]) for match in shape.finditer(text))
    found = ((start, end, _ESCAPE.sub(_character, written)) for start, end, written in matches)
    return [one for one in found if is_well_formed(one[2])]


def _character(escape: re.Match[str]) -> str:
    return chr(int(escape[0][-2:], 16))
