"""One request as it came in, and how a value is found in it by its place in `provider_schemes`."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, urlsplit

MAX_VALUE = 4096
"""Characters of one value that are looked at; no signature and no id is longer."""

_MAX_FIELDS = 1000
_MISSING: Any = object()


@dataclass(frozen=True)
class Message:
    """A request: its raw body, and its address as the sender knows it."""

    method: str = "POST"
    url: str = ""
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = field(default=b"", repr=False)

    @cached_property
    def named(self) -> Mapping[str, str]:
        """Header in lower case → its value; of one that is there twice all, by commas."""
        found: dict[str, str] = {}
        for name, value in self.headers:
            key = name.lower()
            found[key] = f"{found[key]},{value}" if key in found else value
        return found

    @property
    def content_type(self) -> str:
        """Return the kind of the body, without its parameters."""
        return self.named.get("content-type", "").partition(";")[0].strip().lower()

    @cached_property
    def json(self) -> Any:
        """Return the body as JSON; a value that finds nothing where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return _MISSING

    @cached_property
    def form(self) -> Sequence[tuple[str, str]]:
        """Return the fields of a form body, else none."""
        if self.content_type != "application/x-www-form-urlencoded":
            return ()
        text = self.body.decode("utf-8", "replace")
        try:
            return tuple(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
        except ValueError:
            return ()

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Return the arguments in the address."""
        try:
            pairs = parse_qsl(urlsplit(self.url).query, True, max_num_fields=_MAX_FIELDS)
        except ValueError:
            return {}
        return dict(pairs)

    def values(self, place: str) -> list[str]:
        """Return every value at a place, as texts; never fails."""
        kind, _, name = place.partition(":")
        if kind == "header":
            found = self._headers(name)
        elif kind == "form":
            found = [value for key, value in self.form if key == name]
        elif kind == "body":
            found = [_text(value) for value in _walk(self.json, name.split("."))]
        else:
            found = []
        return [value for value in found if 0 < len(value) <= MAX_VALUE]

    def first(self, places: Iterable[str]) -> str | None:
        """Return the value at the first of these places that has one; of several there, their
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
