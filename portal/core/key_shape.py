"""Recognise the platform's raw API keys in any text, without a query.

The last six characters of a key are the checksum of the others, so a match is almost always a key.
"""

import binascii
import re
import string
from collections.abc import Iterator
from typing import Any

from portal.core.precedence import give_way

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
LENGTH = 47
CHECKSUM_LENGTH = 6  # base62 characters, enough for 32 bits
MARK = "sk-"
SHAPE = re.compile(r"sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{38}")
_IN_BYTES = re.compile(SHAPE.pattern.encode())
# Matches at every position, because a look-alike may end with the beginning of a key.
_ANYWHERE = re.compile(rf"(?=({SHAPE.pattern}))")


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
    return MARK in text and bool(_starts(text))


def masked(text: str) -> str:
    """Return the text with each key shortened to its identifying parts: `sk-acme-sHk3…9fQz`."""
    if MARK not in text:
        return text
    pieces, end = list[str](), 0
    for start in _starts(text):
        pieces += (text[end:start], _short(text, start))
        end = start + LENGTH
    return "".join([*pieces, text[end:]])


def may_hold_key(raw: bytes) -> bool:
    """Tell whether a document may contain keys. The test is fast and has few false positives."""
    return MARK.encode() in raw and _IN_BYTES.search(raw) is not None


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


def places(value: Any, path: str) -> Iterator[str]:
    """Yield the path of every text in a JSON value that contains a key.

    If a field's name contains one, yield the path of the field's parent.
    """
    give_way()
    if isinstance(value, str):
        if holds_key(value):
            yield path
    elif isinstance(value, dict):
        for name, item in value.items():
            is_key = isinstance(name, str) and holds_key(name)
            yield from [path] if is_key else places(item, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from places(item, f"{path}.{number}")


def _starts(text: str) -> list[int]:
    return [found.start() for found in _ANYWHERE.finditer(text) if is_well_formed(found[1])]


def _short(text: str, start: int) -> str:
    return f"{text[start : start + 12]}…{text[start + LENGTH - 4 : start + LENGTH]}"
