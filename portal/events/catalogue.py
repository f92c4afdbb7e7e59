"""The catalogue of event types: what may be published and subscribed to, and what it looks like."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import orjson
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from sqlalchemy import select

from portal import records
from portal.db import Actor, new_id, session
from portal.errors import FieldError, Invalid
from portal.events.models import VALIDATIONS, EventType
from portal.events.own import OWN, OwnType, is_own
from portal.events.schemas import EventInput, EventTypeInput
from portal.listing import Listing

SCHEMA_BYTES = 64 * 1024
SHOWN_PROBLEMS = 5
KEPT_VALIDATORS = 256

LISTING = Listing(
    EventType,
    filters={
        "name": EventType.name,
        "deprecated": EventType.deprecated,
        "validation": EventType.validation,
        "app_id": EventType.app_id,
        "created_by": EventType.created_by,
    },
    choices={"validation": VALIDATIONS},
    quick=("name",),
    ranges={"created_at": EventType.created_at, "updated_at": EventType.updated_at},
    sorts={
        "created_at": EventType.id,
        "updated_at": EventType.updated_at,
        "name": EventType.name_key,
    },
)


def create(actor: Actor, command: EventTypeInput) -> EventType:
    """Describe a type of event. Raises Conflict for a name that is described already, Invalid for
    one of the portal's own or a schema that is none."""
    actor.require("event-types:write")
    record = EventType(id=new_id(EventType.id_prefix))
    values = command.values()
    values["name"] = command.name or f"untitled.{record.id[-10:].lower()}"
    _refuse(values)
    return records.create(actor, record, values)


def update(actor: Actor, record: EventType, command: EventTypeInput) -> EventType:
    """Change what is said of a type. Raises Invalid for another name or a schema that is none."""
    actor.require("event-types:write")
    values = command.values()
    if (values.pop("name") or record.name) != record.name:
        raise Invalid.field("name", "The name is fixed: events and subscriptions refer to it.")
    _refuse(values)
    return records.change(actor, record, values)


def delete(actor: Actor, record: EventType) -> EventType:
    """Take a type out of the catalogue; its events and subscriptions stay."""
    actor.require("event-types:write")
    return records.delete(actor, record)


def own_types(actor: Actor) -> Sequence[OwnType]:
    """The portal's own types, which nobody writes."""
    actor.require("event-types:read")
    return list(OWN.values())


def named(actor: Actor, names: Iterable[str]) -> dict[str, EventType]:
    """Name → description, of those that the tenant has described."""
    query = select(EventType).where(
        EventType.tenant_id == actor.tenant_id,
        EventType.name.in_(set(names)),
        EventType.is_deleted.is_(False),
    )
    return {record.name: record for record in session.scalars(query)}


def check(actor: Actor, events: Sequence[EventInput]) -> None:
    """Raises Invalid for events that only the portal publishes, and for data that does not fit the
    schema of a type that asks for it."""
    asked = {event.type for event in events}
    schemas = {
        name: record.json_schema
        for name, record in named(actor, asked).items()
        if record.validation == "reject" and record.json_schema is not None
    }
    problems: list[FieldError] = []
    for number, event in enumerate(events):
        place = f"events.{number}." if len(events) > 1 else ""
        if is_own(event.type):
            message = f"{event.type} is one of the portal's own events."
            problems.append(FieldError(f"{place}type", message))
        if (schema := schemas.get(event.type)) is not None:
            problems += misfits(schema, event.data, f"{place}data")
    if problems:
        raise Invalid(problems)


def misfits(schema: Mapping[str, Any], data: Any, field: str) -> list[FieldError]:
    """Where data does not fit a schema, a few places at most."""
    found = []
    for error in _validator(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS)).iter_errors(data):
        path = ".".join([field, *(str(part) for part in error.absolute_path)])
        found.append(FieldError(path[:200], f"{error.message[:300]}"))
        if len(found) == SHOWN_PROBLEMS:
            break
    return found


@lru_cache(KEPT_VALIDATORS)
def _validator(schema: bytes) -> Draft202012Validator:
    return Draft202012Validator(orjson.loads(schema))


def schema_problem(schema: Mapping[str, Any]) -> str | None:
    """Why this is no JSON Schema that is taken here, as a sentence; None if it is one.

    References lead within the schema only: nothing is ever fetched.
    """
    if len(orjson.dumps(schema)) > SCHEMA_BYTES:
        return f"This is too large: at most {SCHEMA_BYTES // 1024} KiB."
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(str(part) for part in error.absolute_path)
        return f"This is no JSON Schema{f' (see {place})' if place else ''}: {error.message[:200]}"
    if any(not reference.startswith("#") for reference in _references(schema)):
        return "References must lead to a place in the schema itself: #/$defs/…"
    return None


def _references(schema: Any) -> Iterable[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _refuse(values: Mapping[str, Any]) -> None:
    problems = []
    if is_own(values.get("name", "")):
        problems.append(FieldError("name", "The portal describes its own events itself."))
    schema, example = values["json_schema"], values["example"]
    if schema is not None:
        if problem := schema_problem(schema):
            problems.append(FieldError("json_schema", problem))
        elif example is not None:
            problems += misfits(schema, example, "example")
    elif values["validation"] == "reject":
        problems.append(FieldError("json_schema", "Give the schema that events are held against."))
    if problems:
        raise Invalid(problems)
