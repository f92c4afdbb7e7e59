"""Fill the placeholders in an entry's texts: `https://{site}/rest/api/3/myself`."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_AUTHORITY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:\d{1,5})?")
_WHOLE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


class Unfilled(Exception):
    """A text needs a value that the connector does not have, or that does not fit there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def names(text: str) -> list[str]:
    """Return the names of the placeholders in a text."""
    return _PLACEHOLDER.findall(text)


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return the text with its placeholders filled. Raises Unfilled for one without a value."""
    return _PLACEHOLDER.sub(lambda found: _value(values, found[1]), text)


def fill_url(text: str, values: Mapping[str, Any]) -> str:
    """Return a URL with its placeholders filled, so that no value can leave its place.

    A placeholder at the start is a whole URL, one before the first slash a part of the host name,
    any other a part of a path or query, which is percent-encoded. Raises Unfilled.
    """

    def placed(found: re.Match[str]) -> str:
        name, before = found[1], text[: found.start()]
        value = _value(values, name)
        if not before:
            return _fitting(_WHOLE_URL, name, value.rstrip("/"))
        if "/" not in before.partition("://")[2] and not before.startswith("{"):
            return _fitting(_AUTHORITY, name, value)
        if value.startswith("/") and found.end() == len(text):
            return quote(value, safe="/?&=%~:@!$'()*+,;-._")  # a whole path that a person typed
        return quote(value, safe="")

    return _PLACEHOLDER.sub(placed, text)


def _value(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    if value is None or value == "":
        raise Unfilled(name)
    return str(value)


def _fitting(form: re.Pattern[str], name: str, value: str) -> str:
    if not form.fullmatch(value):
        raise Unfilled(name)
    return value
