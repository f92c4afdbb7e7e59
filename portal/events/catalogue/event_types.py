"""The catalogue of event types: their names, schemas and examples, and the check of event data."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, String, any_, bindparam, func, or_, select

from portal.core.errors import FieldError, Invalid
from portal.database.actor import Actor
from portal.database.base import new_id
from portal.database.session import session
from portal.events import jsonschema
from portal.events.catalogue.portal_types import PORTAL_TYPES, PortalType, is_own
from portal.events.jsonschema import Exhausted, Subschema, Work
from portal.events.listeners import Rows
from portal.events.models import VALIDATIONS, EventType
from portal.events.schemas import EventInput, EventTypeInput
from portal.fast.statements import Bound, Statement
from portal.records import verbs
from portal.records.health import MOST, Health, counted
from portal.records.listing import Listing

TOO_MUCH_WORK = (
    "Checking this against its schema takes too much work. Simplify the schema, or send less at"
    " once."
)

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
    several=("name", "validation", "app_id"),
    quick=("name",),
    ranges={
        "created_at": EventType.created_at,
        "updated_at": EventType.updated_at,
        "deleted_at": EventType.deleted_at,
    },
    combines=True,
    texts={"name": EventType.name, "display_name": EventType.display_name},
    sorts={
        "created_at": EventType.id,
        "updated_at": EventType.updated_at,
        "name": EventType.name_key,
    },
)


def create(actor: Actor, command: EventTypeInput) -> EventType:
    """Describe an event type.

    Raises Conflict for a name that is described already, Invalid for one of the portal's own names
    and for an invalid schema.
    """
    actor.require("event-types:write")
    record = EventType(id=new_id(EventType.id_prefix))
    values = command.values()
    values["name"] = command.name or f"untitled.{record.id[-10:].lower()}"
    _refuse(actor, values)
    return verbs.create(actor, record, values)


def update(actor: Actor, record: EventType, command: EventTypeInput) -> EventType:
    """Change the description of a type. Raises Invalid for another name or an invalid schema."""
    actor.require("event-types:write")
    values = command.values()
    if (values.pop("name") or record.name) != record.name:
        raise Invalid.field("name", "The name is fixed: events and subscriptions refer to it.")
    _refuse(actor, values)
    return verbs.change(actor, record, values)


def delete(actor: Actor, record: EventType) -> EventType:
    """Delete a type from the catalogue; its events and subscriptions stay."""
    actor.require("event-types:write")
    return verbs.delete(actor, record)


def summary(actor: Actor) -> Health:
    """Return the sentence that begins the list: how many types are described, and as deprecated."""
    actor.require("event-types:read")
    kept = EventType.seen_by(actor).where(EventType.is_deleted.is_(False))
    some = kept.with_only_columns(EventType.deprecated).limit(MOST + 1).subquery()
    figures = select(func.count(), func.count().filter(some.c.deprecated))
    number, ending = session.execute(figures.select_from(some)).one()
    if not number:
        return Health("not_tried", "No event type is described yet.")
    are = "is" if number == 1 else "are"
    also = f", {ending:,} of them as deprecated" if ending else ""
    return Health("works", f"{counted(number, 'event type', MOST)} {are} described{also}.")


def how_taken(record: EventType) -> Health:
    """Return the sentence that begins the page of a type: how its events are taken."""
    if record.is_deleted:
        return Health("off", "It is out of the catalogue. Its events are taken as they are.")
    taken = "Its events are taken whatever their data is."
    if record.validation == "reject" and record.json_schema:
        part = "the checked part of its schema" if unchecked(record) else "its schema"
        whose = f"Events of {record.app_id}" if record.app_id else "Events"
        taken = f"{whose} that do not fit {part} are refused."
    if record.deprecated:
        return Health("attention", f"It is deprecated. {taken}")
    return Health("works", taken)


def own_types(actor: Actor) -> Sequence[PortalType]:
    """Return the types of the portal's own events, which nobody can change."""
    actor.require("event-types:read")
    return [PORTAL_TYPES[name] for name in sorted(PORTAL_TYPES)]


def named(actor: Actor, names: Iterable[str]) -> dict[str, EventType]:
    """Return name → record of the types that the actor sees."""
    query = EventType.seen_by(actor).where(
        EventType.name.in_(set(names)), EventType.is_deleted.is_(False)
    )
    return {record.name: record for record in session.scalars(query)}


def schemas_query(actor: Actor, types: Collection[str]) -> Bound:
    """Return the statement that finds the schemas that the actor's events of these types must
    match: those of the tenant's types, and of its own application's."""
    return Bound(ASKING, _asked(actor, types))


def checked_types_query(actor: Actor, types: Collection[str]) -> Bound:
    """Return the statement that finds which of these types have a schema that the actor's events
    must match."""
    return Bound(CHECKED_TYPES, _asked(actor, types))


def _asked(actor: Actor, types: Collection[str]) -> dict[str, Any]:
    return {"tenant_id": actor.tenant_id, "app_id": actor.app_id, "names": sorted(types)}


@jsonschema.with_room
def check(tenant_id: str, events: Sequence[EventInput], schemas: Rows, *, is_batch: bool) -> None:
    """Check a tenant's events against the schemas that `schemas_query` found.

    In a batch, errors name the event's place. Raises Invalid for events that only the portal
    publishes, and for data that does not match.
    """
    work, problems = Work(), list[FieldError]()
    roots = _roots(tenant_id, schemas, work)
    for number, event in enumerate(events):
        place = f"events.{number}." if is_batch else ""
        if is_own(event.type):
            message = f"{event.type} is one of the portal's own events."
            problems.append(FieldError(f"{place}type", message))
        if (root := roots.get(event.type)) is not None:
            problems += _misfits(root, event.data, f"{place}data", work)
    if problems:
        raise Invalid(problems)


_ASKING = select(EventType.name, EventType.json_schema).where(
    EventType.tenant_id == bindparam("tenant_id"),
    EventType.name == any_(bindparam("names", type_=ARRAY(String))),
    # Names are unique in the tenant, so an application can describe what another one publishes.
    # Its schema must not stop that one's events.
    or_(EventType.app_id.is_(None), EventType.app_id == bindparam("app_id")),
    EventType.validation == "reject",
    EventType.json_schema.is_not(None),
    EventType.is_deleted.is_(False),
)
ASKING = Statement(_ASKING)
CHECKED_TYPES = Statement(_ASKING.with_only_columns(EventType.name))


def _roots(tenant_id: str, schemas: Rows, work: Work) -> dict[str, Subschema]:
    """Return name → compiled schema. Raises Invalid if compiling takes too much work."""
    try:
        made = {name: jsonschema.compiled(tenant_id, schema, work) for name, schema in schemas}
    except Exhausted:
        raise Invalid.field("events", TOO_MUCH_WORK) from None
    return {name: one.root for name, one in made.items() if one.root is not None}


def _misfits(root: Subschema, data: Any, field: str, work: Work) -> list[FieldError]:
    """Return the first few mismatches of the data.

    Raises Invalid if the check takes more work than is left.
    """
    try:
        found = jsonschema.misfits(root, data, work)
    except Exhausted:
        raise Invalid.field(field, TOO_MUCH_WORK) from None
    return [
        FieldError(".".join([field, *map(str, misfit.path)])[:200], misfit.message)
        for misfit in found
    ]


def unchecked(record: EventType) -> Sequence[str]:
    """Return sentences about the parts of a type's schema that are not checked against events.

    A schema that is accepted today has none. An older one may use a feature that is no longer
    supported.
    """
    if record.json_schema is None:
        return ()
    return jsonschema.compiled(record.tenant_id, record.json_schema, Work()).unchecked


@jsonschema.with_room
def problems_of(actor: Actor, values: Mapping[str, Any], work: Work) -> list[FieldError]:
    """Return the problems of a type's schema and of its example, which must match the schema.

    Raises Invalid if the check takes more work than is left.
    """
    schema, example = values["json_schema"], values["example"]
    if schema is None:
        return []
    try:
        made = jsonschema.compiled(actor.tenant_id, schema, work)
    except Exhausted:
        raise Invalid.field("json_schema", TOO_MUCH_WORK) from None
    if made.unchecked:
        return [FieldError("json_schema", made.unchecked[0])]
    if made.root is None or example is None:
        return []
    return _misfits(made.root, example, "example", work)


def _refuse(actor: Actor, values: Mapping[str, Any]) -> None:
    problems = []
    if is_own(values.get("name", "")):
        problems.append(FieldError("name", "The portal describes its own events itself."))
    if values["json_schema"] is None and values["validation"] == "reject":
        problems.append(FieldError("json_schema", "Give the schema that events are held against."))
    problems += problems_of(actor, values, Work())
    if problems:
        raise Invalid(problems)
