"""A received request, and the lookup of a value in it by a place as in `provider_schemes`."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_VALUE = 4096
"""Longest value in characters; a longer one is ignored, as no signature and no id is longer."""

_MAX_FIELDS = 1000
_MISSING: Any = object()


@dataclass(frozen=True)
class Message:
    """A request: its raw body, and its URL as the sender knows it."""

    method: str = "POST"
    url: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)

    @cached_property
    def named(self) -> Mapping[str, str]:
        """Return the headers: name in lower case → value. A repeated header has its values joined
        by commas."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            found[key] = f"{found[key]},{value}" if key in found else value
        return found

    @property
    def content_type(self) -> str:
        """Return the content type of the body, without its parameters."""
        return self.named.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """Return the body as JSON; if it is not JSON, a placeholder in which no field is found."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return _MISSING

    @cached_property
    def form(self) -> Sequence[tuple[str, str]]:
        """Return the fields of a form body; none if the body is no form."""
        if self.content_type != "application/x-www-form-urlencoded":
            return ()
        text = self.body.decode("utf-8", "replace")
        try:
            return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            return ()

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Return the query arguments of the URL."""
        try:
            pairs = parse_qsl(urlsplit(self.url).query, True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            return {}
        return dict(pairs)

    def values(self, place: str) -> list[str]:
        """Return every value at a place, as texts. Never raises."""
        kind, _, name = place.partition(":")
        if kind == "header":
            found = self._headers(name)
        elif kind == "body":
            found = [_text(value) for value in _walk(self.json, name.split("."))]
        else:
            found = []
        return [value for value in found if 0 < len(value) <= MAX_VALUE]

    def first(self, places: Iterable[str]) -> str | None:
        """Return the value at the first of these places that has one; if it has several, their
        digest."""
        for place in places:
            if found := self.values(place):
                if len(found) == 1:
                    return found[0]
                return hashlib.sha256("\n".join(found).encode("utf-8", "replace")).hexdigest()
        return None

    def _headers(self, name: str) -> list[str]:
        name = name.lower()
        if not name.endswith("*"):
            return [self.named[name].strip()] if name in self.named else []
        numbered = re.compile(re.escape(name[:-1]) + r"[0-9]{1,3}")
        return [value.strip() for key, value in self.named.items() if numbered.fullmatch(key)]


def _walk(value: Any, path: Sequence[str]) -> Iterator[Any]:
    if not path:
        yield value
    elif path[0] == "*" and isinstance(value, list):
        for item in value[:_MAX_FIELDS]:
            yield from _walk(item, path[1:])
    elif isinstance(value, dict) and path[0] in value:
        yield from _walk(value[path[0]], path[1:])


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)
    return ""
