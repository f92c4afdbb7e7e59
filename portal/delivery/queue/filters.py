"""Compile the filters of webhooks, so that a match costs one look-up for each field.

A filter may have hundreds of values, and a publication is matched with the filters of all webhooks
that subscribe to it.
"""

from collections.abc import Hashable, Mapping, Sequence
from threading import Lock
from typing import Any

import orjson

MOST_BYTES = 4 * 1024 * 1024  # of the texts whose filters a process keeps; compiled, ten times that

_TRUE, _FALSE, _NONE = object(), object(), object()


def _key_of(value: Any) -> Hashable:
    """Return a key that two values share if they are equal in JSON. Filters have no arrays and no
    objects, so these share a key with nothing."""
    if isinstance(value, dict | list):
        return _NONE
    if isinstance(value, bool):  # Python takes true for 1
        return _TRUE if value else _FALSE
    return value  # type: ignore[no-any-return]


class Keys(dict[str, Hashable]):
    """The keys of an event's fields, each made when the first filter asks for it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        super().__init__()
        self._data = data

    def __missing__(self, name: str) -> Hashable:
        """Return the key of a field. A missing field shares it with nothing."""
        key = self[name] = _key_of(self._data[name]) if name in self._data else _NONE
        return key


class Filter:
    """A compiled filter: which values each field may have."""

    __slots__ = ("_fields", "steps")

    def __init__(self, wanted: Mapping[str, Sequence[Any]]) -> None:
        self._fields = [(name, frozenset(map(_key_of, values))) for name, values in wanted.items()]
        self.steps = 1 + len(self._fields)
        """The work of one match."""

    def refusing(self, keys: Keys) -> str | None:
        """Return the first field that has none of its values in an event; None for a match."""
        for name, values in self._fields:
            if keys[name] not in values:
                return name
        return None


class _Known:
    """The filters that this process has compiled, by their texts. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._filters: dict[str, Filter] = {}
        self._bytes = 0

    def compiled(self, filter_as_json: str) -> Filter:
        """Return the filter with this text."""
        found = self._filters.get(filter_as_json)
        if found is None:
            found = Filter(orjson.loads(filter_as_json))
            with self._lock:
                if self._bytes + len(filter_as_json) > MOST_BYTES:
                    self._filters.clear()
                    self._bytes = 0
                self._filters[filter_as_json] = found
                self._bytes += len(filter_as_json)
        return found


compiled = _Known().compiled
