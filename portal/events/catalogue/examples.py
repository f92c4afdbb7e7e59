"""Example data of an event type: the stored example, or one generated from the schema."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any

import orjson
from sqlalchemy import select

from portal.database.actor import Actor
from portal.database.session import session
from portal.events.catalogue.portal_types import PORTAL_TYPES, is_own
from portal.events.models import Event, EventType
from portal.events.schemas import DATA_BYTES
from portal.rest.findable import Choice

DEPTH = 8
MOST_FIELDS = 40
MOST_VALUES = 1000
KINDS = 7  # the types of JSON Schema
OFFERED = 200
FEW = 12
PLAIN: Mapping[str, Any] = {"id": "rec_01K1EXAMPLE", "title": "A test from the portal"}
FORMATS = {
    "date-time": "2026-01-31T09:00:00Z",
    "date": "2026-01-31",
    "time": "09:00:00Z",
    "email": "ada@example.com",
    "uri": "https://example.com/",
    "uuid": "018f2f6e-6a2e-7c9b-9a55-1f0c5c1d2e3f",
    "ipv4": "192.0.2.1",
    "hostname": "example.com",
}


def of_type(actor: Actor, name: str) -> dict[str, Any]:
    """Return an example of an event's data; a plain default if nothing is known of the type."""
    if is_own(name):
        return dict(PORTAL_TYPES[name].example) if name in PORTAL_TYPES else dict(PLAIN)
    query = select(EventType.example, EventType.json_schema).where(
        EventType.tenant_id == actor.tenant_id,
        EventType.name == name,
        EventType.is_deleted.is_(False),
    )
    found = session.execute(query).first()
    if found is None:
        return dict(PLAIN)
    if found.example is not None:
        return dict(found.example)
    made = from_schema(found.json_schema) if found.json_schema else None
    return made if isinstance(made, dict) else dict(PLAIN)


def names(actor: Actor) -> list[str]:
    """Return event type names to suggest: described types and recently published ones."""
    described = select(EventType.name).where(
        EventType.tenant_id == actor.tenant_id, EventType.is_deleted.is_(False)
    )
    lately = select(Event.type).where(Event.tenant_id == actor.tenant_id)
    recent = lately.order_by(Event.id.desc()).limit(OFFERED).subquery()
    both = described.limit(OFFERED).union(select(recent.c.type))
    return sorted(session.scalars(both))


def patterns(actor: Actor, text: str) -> list[Choice]:
    """Return a few events that a webhook can subscribe to: everything, groups, and types."""
    types = sorted({*names(actor), *PORTAL_TYPES})
    groups = Counter(name.partition(".")[0] for name in types)
    found = [
        Choice("*", "*", "every event"),
        *(Choice(f"{group}.*", f"{group}.*", _many(count)) for group, count in groups.items()),
        *(Choice(name, name) for name in types),
    ]
    return [one for one in found if text.lower() in one.value.lower()][:FEW]


def _many(count: int) -> str:
    return "1 type" if count == 1 else f"{count} types"


def from_schema(schema: Any) -> Any:
    """Return a value that fits a JSON Schema in the usual cases; there is no guarantee.

    It is no larger than an event's data may be: what comes after that is null or left out.
    """
    return _value(schema, _Source(schema if isinstance(schema, Mapping) else {}), 0)


class _Source:
    """The whole schema, and how many more values and bytes may be generated from it.

    The limits stop at a schema that refers to itself in many fields, or to a large value.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root, self._left, self._room = root, MOST_VALUES, DATA_BYTES
        self._found: dict[str, Any] = {}

    def allows_another(self) -> bool:
        """Count one more value and tell whether it may be generated."""
        self._left -= 1
        return self._left >= 0

    def has_room(self, value: Any) -> bool:
        """Count the bytes of a value or name and tell whether it may be used. After one that may
        not, nothing is generated."""
        if self._room >= 0:
            self._room -= len(orjson.dumps(value)) + 1
        if self._room < 0:
            self._left = 0
        return self._room >= 0

    def at(self, reference: Any) -> Any:
        """Return the part of the schema that a reference points to. Each is looked up once."""
        if not isinstance(reference, str):
            return None
        if reference not in self._found:
            self._found[reference] = self._look_up(reference)
        return self._found[reference]

    def _look_up(self, reference: str) -> Any:
        place: Any = self._root
        for part in reference.removeprefix("#").strip("/").split("/"):
            if part:
                key = part.replace("~1", "/").replace("~0", "~")
                place = place.get(key) if isinstance(place, Mapping) else None
        return place


def _value(schema: Any, source: _Source, depth: int) -> Any:
    if not isinstance(schema, Mapping) or depth > DEPTH or not source.allows_another():
        return None
    for name in ("const", "default", "example"):
        if name in schema:
            return schema[name] if source.has_room(schema[name]) else None
    if (given := _first(schema, "examples", "enum")) is not None:
        return given if source.has_room(given) else None
    if "$ref" in schema:
        return _value(source.at(schema["$ref"]), source, depth + 1)
    if (option := _first(schema, "oneOf", "anyOf")) is not None:
        return _value(option, source, depth + 1)
    if isinstance(parts := schema.get("allOf"), list):
        return _merged(parts, source, depth)
    return _of_kind(schema, source, depth)


def _first(schema: Mapping[str, Any], *names: str) -> Any:
    lists = (schema.get(name) for name in names)
    return next((found[0] for found in lists if isinstance(found, list) and found), None)


def _of_kind(schema: Mapping[str, Any], source: _Source, depth: int) -> Any:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind[:KINDS] if one != "null"), "null")
    if kind == "object" or "properties" in schema:
        fields = schema.get("properties")
        items = islice(fields.items(), MOST_FIELDS) if isinstance(fields, Mapping) else ()
        return {n: _value(of, source, depth + 1) for n, of in items if source.has_room(n)}
    if kind == "array":
        return [_value(schema["items"], source, depth + 1)] if "items" in schema else []
    if kind in ("integer", "number"):
        lowest = schema.get("minimum", 1)
        return lowest if isinstance(lowest, int | float) else 1
    if kind == "boolean":
        return True
    if kind == "string":
        text = _text(schema)
        return text if source.has_room(text) else None
    return None


def _text(schema: Mapping[str, Any]) -> str:
    named = schema.get("format")
    text = FORMATS.get(named, "text") if isinstance(named, str) else "text"
    least = schema.get("minLength", 0)
    return text.ljust(min(least, 200), "x") if isinstance(least, int) else text


def _merged(parts: list[Any], source: _Source, depth: int) -> Any:
    merged: dict[str, Any] = {}
    for part in parts:
        value = _value(part, source, depth + 1)
        if isinstance(value, dict):
            merged |= value
    return merged
