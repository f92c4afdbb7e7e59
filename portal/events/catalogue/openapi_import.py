"""Import event types from an OpenAPI 3.1 document: one for each of its `webhooks`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from portal.core.errors import Invalid, PortalError
from portal.database.actor import Actor
from portal.database.session import session
from portal.events import jsonschema
from portal.events.catalogue import event_types
from portal.events.catalogue.portal_types import is_own
from portal.events.jsonschema import Work
from portal.events.models import EventType
from portal.events.schemas import EventTypeInput
from portal.events.type_names import NAME

MOST = 500
DEPTH = 24
MOST_PARTS = 50_000
STEPS = 5 * jsonschema.STEPS
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
    found = dict(_read(document, _Components(document)))
    with session.begin_nested() as savepoint:
        known = event_types.named(actor, found)
        work = Work(STEPS)
        imported = [
            _one(actor, name, described, known.get(name), work)
            for name, described in sorted(found.items())
        ]
        if dry_run:
            savepoint.rollback()
    return imported


def _one(
    actor: Actor, name: str, described: dict[str, Any], known: EventType | None, work: Work
) -> Imported:
    if not NAME.fullmatch(name) or len(name) > 128:
        return Imported(name[:128], "skipped", "This is no name of an event type.")
    if is_own(name):
        return Imported(name, "skipped", "The portal describes its own events itself.")
    if problems := event_types.problems_of(described, work):
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


class _Components:
    """The document, and the references in it to resolve."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document, self._left = document, MOST_PARTS

    def resolved(self, value: Any, depth: int = 0) -> Any:
        """Return a schema with its references to the document replaced.

        Raises Invalid if it grows too large: two references at each level double it each time.
        """
        self._left -= 1
        if self._left < 0:
            raise Invalid.field("document", "Its references lead to more than can be written out.")
        if depth > DEPTH:
            return {}
        if isinstance(value, Mapping):
            reference = value.get("$ref")
            if isinstance(reference, str) and reference.startswith("#/"):
                return self.resolved(_at(self._document, *reference[2:].split("/")), depth + 1)
            return {key: self.resolved(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolved(inner, depth + 1) for inner in value]
        return value


def _read(
    document: Mapping[str, Any], components: _Components
) -> Iterator[tuple[str, dict[str, Any]]]:
    webhooks = document.get("webhooks")
    if not str(document.get("openapi", ""))[:10].startswith("3.1") or not isinstance(
        webhooks, Mapping
    ):
        raise Invalid.field("document", "This is no OpenAPI 3.1 document with webhooks.")
    if len(webhooks) > MOST:
        raise Invalid.field("document", f"It has more than {MOST} webhooks.")
    for name, item in webhooks.items():
        operation = item.get("post") if isinstance(item, Mapping) else None
        yield name, _described(components, operation if isinstance(operation, Mapping) else {})


def _described(components: _Components, operation: Mapping[str, Any]) -> dict[str, Any]:
    media = _at(operation, "requestBody", "content", "application/json")
    media = media if isinstance(media, Mapping) else {}
    schema = components.resolved(media.get("schema"))
    data = _at(schema, "properties", "data") if isinstance(schema, Mapping) else None
    example = media.get("example")
    # If the body is the portal's event envelope, import the schema of its `data`.
    if isinstance(data, Mapping):
        schema = data
        example = example.get("data") if isinstance(example, Mapping) else None
    return {
        "display_name": str(operation.get("summary") or "")[:200],
        "description": str(operation.get("description") or "")[:4000] or None,
        "json_schema": schema if isinstance(schema, Mapping) else None,
        "example": example if isinstance(example, Mapping) else None,
        "deprecated": operation.get("deprecated") is True,
    }


def _at(value: Any, *path: str) -> Any:
    for part in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(part.replace("~1", "/").replace("~0", "~"))
    return value
