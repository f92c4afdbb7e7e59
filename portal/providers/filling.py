"""Fill the placeholders in an entry's texts: `https://{site}/rest/api/3/myself`.

`{name?}` may have no value: alone in a member of a list, an object or a JSON body, that member is
left out; within a longer text or a URL it is empty. `{name:upper}` is the value in capitals.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(:upper)?(\?)?\}")
_AUTHORITY = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(:\d{1,5})?")
_WHOLE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")


class Unfilled(Exception):
    """A text needs a value that the connector does not have, or that does not fit there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


def names(text: str) -> list[str]:
    """Return the names of the placeholders in a text."""
    return [found[1] for found in _PLACEHOLDER.finditer(text)]


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return the text with its placeholders filled. Raises Unfilled for one without a value."""
    return _PLACEHOLDER.sub(lambda found: _value(values, found), text)


def fill_all(document: Any, values: Mapping[str, Any]) -> Any:
    """Return headers, a form, a list or a JSON body with all its texts filled.

    A member that is only `{name?}` is left out if it has no value. Raises Unfilled.
    """
    if isinstance(document, str):
        return fill(document, values)
    if isinstance(document, Mapping):
        kept = {key: each for key, each in document.items() if not _is_left_out(each, values)}
        return {fill(key, values): fill_all(each, values) for key, each in kept.items()}
    if isinstance(document, (list, tuple)):
        return [fill_all(each, values) for each in document if not _is_left_out(each, values)]
    return document


def fill_url(text: str, values: Mapping[str, Any]) -> str:
    """Return a URL with its placeholders filled, so that no value can leave its place.

    A placeholder at the start is a whole URL, one before the first slash a part of the host name,
    any other a part of a path or query, which is percent-encoded. One that follows a whole URL at
    once is a path, so that it cannot lengthen the host name. Raises Unfilled.
    """

    def placed(found: re.Match[str]) -> str:
        name, before = found[1], text[: found.start()]
        value = _value(values, found)
        if not value:
            return ""
        if not before:
            return _fitting(_WHOLE_URL, name, value.rstrip("/"))
        if "/" not in before.partition("://")[2] and not before.startswith("{"):
            return _fitting(_AUTHORITY, name, value)
        if before.endswith("}") and before.count("{") == 1 and before.startswith("{"):
            value = "/" + value.lstrip("/")
        if value.startswith("/") and found.end() == len(text):
            return quote(value, safe="/?&=%~:@!$'()*+,;-._")  # a whole path that a person typed
        return quote(value, safe="")

    return _PLACEHOLDER.sub(placed, text)


def _value(values: Mapping[str, Any], found: re.Match[str]) -> str:
    name, upper, may_be_missing = found.groups()
    value = values.get(name)
    if value is None or value == "":
        if may_be_missing:
            return ""
        raise Unfilled(name)
    return str(value).upper() if upper else str(value)


def _is_left_out(text: Any, values: Mapping[str, Any]) -> bool:
    whole = _PLACEHOLDER.fullmatch(text) if isinstance(text, str) else None
    return whole is not None and bool(whole[3]) and not _value(values, whole)


def _fitting(form: re.Pattern[str], name: str, value: str) -> str:
    if not form.fullmatch(value):
        raise Unfilled(name)
    return value
