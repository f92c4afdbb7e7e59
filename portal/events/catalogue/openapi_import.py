"""Import event types from an OpenAPI 3.1 document: one for each of its `webhooks`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import quote

import orjson

from portal.core.errors import Invalid, PortalError
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.session import session
from portal.events import jsonschema
from portal.events.catalogue import event_types
from portal.events.catalogue.portal_types import is_own
from portal.events.jsonschema import Exhausted, Work
from portal.events.models import EventType
from portal.events.schemas import DATA_BYTES, EventTypeInput
from portal.events.type_names import NAME

MOST = 500
DEPTH = 30  # a schema with more levels could not be sent to the portal as JSON
MOST_FOLLOWED = 64
STEPS = 5 * jsonschema.STEPS
"""The steps that one import may take to read the document, and as many to check the schemas."""
PART = 10  # steps for a part that is read or written out
BYTES_A_STEP = 8
JSON = "application/json"
Followed = tuple[str, ...]
Fate = Literal["created", "updated", "unchanged", "skipped"]


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of importing one webhook."""

    name: str
    fate: Fate
    reason: str = ""


def import_types(actor: Actor, document: Mapping[str, Any], *, dry_run: bool) -> list[Imported]:
    """Create or update an event type for every webhook of the document.

    `dry_run` does the same and takes it back. Raises Invalid for anything but an OpenAPI 3.1
    document with webhooks.
    """
    actor.require("event-types:write")
    names = _names(document)
    reader, work = _Document(document), Work(STEPS)
    with session.begin_nested() as savepoint:
        known = event_types.named(actor, names)
        imported = [_one(actor, name, reader, known.get(name), work) for name in names]
        if dry_run:
            savepoint.rollback()
    return imported


def _one(
    actor: Actor, name: str, reader: "_Document", known: EventType | None, work: Work
) -> Imported:
    if not NAME.fullmatch(name) or len(name) > 128:
        return Imported(shown(name, 128), "skipped", "This is no name of an event type.")
    if is_own(name):
        return Imported(name, "skipped", "The portal describes its own events itself.")
    try:
        described = reader.described(name)
    except _Unreadable as error:
        return Imported(name, "skipped", str(error))
    if problems := event_types.problems_of(actor, described, work):
        return Imported(name, "skipped", problems[0].message)
    try:
        with session.begin_nested():  # what is refused leaves nothing behind
            return Imported(name, _stored(actor, name, described, known))
    except PortalError as error:
        reason = error.errors[0].message if error.errors else error.detail
        return Imported(name, "skipped", reason)


def _stored(actor: Actor, name: str, described: dict[str, Any], known: EventType | None) -> Fate:
    """Create or update one event type. Raises a PortalError if it is refused."""
    if known is None:
        event_types.create(actor, EventTypeInput.read({"name": name, **described}))
        return "created"
    before = known.version
    event_types.update(actor, known, EventTypeInput.patched(known, described))
    return "unchanged" if known.version == before else "updated"


class _Unreadable(Exception):
    """A webhook that cannot be read, with the sentence that tells why."""


class _Document:
    """An OpenAPI document, with the references in it to follow."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document, self._work = document, Work(STEPS)
        self._found: dict[str, Any] = {}
        self._sizes: dict[int, int] = {}
        self._kept: dict[str, Any] = {}
        self._room = 0

    def described(self, name: str) -> dict[str, Any]:
        """Return the fields of the event type of a webhook.

        Raises _Unreadable for a webhook, Invalid if the references lead to too much.
        """
        operation = self._part(self._part(self._document["webhooks"], name), "post")
        content = self._part(self._part(operation, "requestBody"), "content")
        if content and JSON not in content:
            raise _Unreadable(f"Its requestBody has no content of the type {JSON}.")
        media = self._part(content, JSON)
        schema, example = media.get("schema"), media.get("example")
        # If the body is the portal's event envelope, import the schema of its `data`.
        data = jsonschema.at_pointer(self._part(media, "schema"), "/properties/data")
        if isinstance(data, Mapping):
            schema = data
            example = example.get("data") if isinstance(example, Mapping) else None
        return {
            "display_name": _text(operation, "summary", 200),
            "description": _text(operation, "description", 4000) or None,
            "json_schema": None if schema is None else self._whole(schema),
            "example": self._example(example) if isinstance(example, Mapping) else None,
            "deprecated": operation.get("deprecated") is True,
        }

    def _part(self, whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        """Return an object that a reference may stand for. It is empty if it is not there."""
        value: Any = whole.get(name)
        followed: Followed = ()
        while isinstance(value, Mapping) and "$ref" in value:
            self._charge(value["$ref"])
            value, followed = self._followed(value["$ref"], followed)
        if value is not None and not isinstance(value, Mapping):
            raise _Unreadable(f"{name} must be an object.")
        return value or {}

    def _example(self, example: Mapping[str, Any]) -> Mapping[str, Any]:
        """Charge for an example that many webhooks may share. Raises _Unreadable if it is too
        large: everything after this reads all of it."""
        if id(example) not in self._sizes:
            self._sizes[id(example)] = len(orjson.dumps(example))
        size = self._sizes[id(example)]
        if size > DATA_BYTES:
            raise _Unreadable(f"Its example is too large: at most {DATA_BYTES // 1024} KiB.")
        self._spend(size // BYTES_A_STEP)
        return example

    def _whole(self, schema: Any) -> Any:
        """Return a schema that stands alone: its references are replaced, and those that lead back
        to themselves, as in a tree, lead to its `$defs`."""
        self._kept, self._room = {}, jsonschema.BYTES
        made, definitions = self._schema(schema), dict[str, Any]()
        while missing := self._kept.keys() - definitions.keys():
            for reference in sorted(missing):
                definitions[reference] = self._schema(self._kept[reference], (reference,), 2)
        if not isinstance(made, Mapping):
            raise _Unreadable("Its schema must be an object.")
        own = made.get("$defs", {})
        if not definitions or not isinstance(own, Mapping):
            return made
        named = {reference[2:]: one for reference, one in definitions.items()}
        return {**made, "$defs": {**own, **named}}

    def _schema(self, value: Any, followed: Followed = (), depth: int = 0) -> Any:
        """Return a schema with its references to the document replaced."""
        if depth > DEPTH:
            raise _Unreadable(f"With what its schema refers to, it has more than {DEPTH} levels.")
        self._spend(PART * len(value) if isinstance(value, Mapping | list) else 0)
        reference = value.get("$ref") if isinstance(value, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return self._written(value, followed, depth)
        beside = {key: inner for key, inner in value.items() if key != "$ref"}
        if not beside:
            return self._target(reference, followed, depth)
        beside = self._written(beside, followed, depth)
        made = self._target(reference, followed, depth + 2)
        others = beside.get("allOf", [])
        return {**beside, "allOf": [made, *others] if isinstance(others, list) else others}

    def _written(self, value: Any, followed: Followed, depth: int) -> Any:
        """Return a part with what is in it written out."""
        self._fill(_least_size(value))
        if isinstance(value, list):
            return [self._schema(inner, followed, depth + 1) for inner in value]
        if isinstance(value, Mapping):
            return {key: self._schema(inner, followed, depth + 1) for key, inner in value.items()}
        return value

    def _target(self, reference: str, followed: Followed, depth: int) -> Any:
        """Return the schema that a reference leads to, or the reference to it in `$defs`."""
        self._charge(reference)
        if reference in followed:
            self._kept[reference] = self._at(reference)
        if reference in self._kept:
            self._fill(len(reference))
            name = reference[2:].replace("~", "~0").replace("/", "~1")
            return {"$ref": f"#/$defs/{quote(name, safe='~')}"}
        target, beyond = self._followed(reference, followed)
        return self._schema(target, beyond, depth)

    def _followed(self, reference: Any, followed: Followed) -> tuple[Any, Followed]:
        """Return what a reference leads to, and the references that were followed to get there."""
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise _Unreadable("It has a $ref that does not begin with #/, and is not followed.")
        if reference in followed:
            raise _Unreadable(f"Its reference to {shown(reference, 100)} leads back to itself.")
        if len(followed) == MOST_FOLLOWED:
            raise _Unreadable(f"It leads through more than {MOST_FOLLOWED} references in a row.")
        found = self._at(reference)
        if found is None:
            raise _Unreadable(f"Its reference to {shown(reference, 100)} leads nowhere.")
        return found, (*followed, reference)

    def _at(self, reference: str) -> Any:
        """Return what is at a place of the document. Each place is looked up once."""
        if reference not in self._found:
            self._found[reference] = jsonschema.at_pointer(self._document, reference[1:])
        return self._found[reference]

    def _charge(self, reference: Any) -> None:
        """Charge for following a reference, whose length its author decides."""
        self._spend(PART + (len(reference) // BYTES_A_STEP if isinstance(reference, str) else 0))

    def _fill(self, size: int) -> None:
        """Charge for so many bytes of a schema, before they are written out.

        Raises _Unreadable if the schema gets larger than one may be.
        """
        self._room -= size
        if self._room < 0:
            most = jsonschema.BYTES // 1024
            raise _Unreadable(f"With what its schema refers to, it is larger than {most} KiB.")
        self._spend(size // BYTES_A_STEP)

    def _spend(self, steps: int) -> None:
        """Raise Invalid if too much was read: two references at each level double it each time."""
        try:
            self._work.spend(steps)
        except Exhausted:
            message = (
                "Its references lead to more than can be written out. Import fewer of its webhooks"
                " at once."
            )
            raise Invalid.field("document", message) from None


def _least_size(value: Any) -> int:
    """Return the least bytes that a part takes as JSON, without its members' values."""
    if isinstance(value, str):
        return len(value) + 2
    if isinstance(value, list):
        return 1 + len(value)
    if isinstance(value, Mapping):
        return 1 + sum(len(key) + 4 for key in value)
    return 1


def _text(operation: Mapping[str, Any], name: str, most: int) -> str:
    """Return the beginning of a text. It is empty if it is not there."""
    value = operation.get(name)
    if value is not None and not isinstance(value, str):
        raise _Unreadable(f"{name} must be a text.")
    return (value or "")[:most]


def _names(document: Mapping[str, Any]) -> list[str]:
    """Return the names of the webhooks. Raises Invalid if it is no such document."""
    version, webhooks = document.get("openapi"), document.get("webhooks")
    is_known = isinstance(version, str | float) and str(version).startswith("3.1")
    if not is_known or not isinstance(webhooks, Mapping):
        raise Invalid.field("document", "This is no OpenAPI 3.1 document with webhooks.")
    if len(webhooks) > MOST:
        raise Invalid.field("document", f"It has more than {MOST} webhooks.")
    return sorted(webhooks)
