"""The commands and documents of events, event types and event settings in REST."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import orjson
from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from portal.events import type_names
from portal.records.schemas import (
    Command,
    Document,
    Filled,
    JsonName,
    LongText,
    Moment,
    Rules,
    ShortText,
    Tags,
)

DATA_BYTES = 64 * 1024
BATCH = 500
Validation = Literal["off", "reject"]
KeyMaterial = Literal["mask", "refuse"]
VALIDATION = (
    "reject = a publication that does not fit the schema is refused. The type of an application"
    " (app_id) is held only against what that application's credentials publish, and inbound"
    " webhooks that they made; a type without one against all."
)


def _fits(data: dict[str, Any]) -> dict[str, Any]:
    try:
        size = len(orjson.dumps(data))
    except orjson.JSONEncodeError:
        raise ValueError("This has a number that JSON readers do not agree on.") from None
    if size > DATA_BYTES:
        raise ValueError(f"This is too large: at most {DATA_BYTES // 1024} KiB.")
    return data


EventName = Annotated[
    str,
    StringConstraints(max_length=type_names.LENGTH),
    AfterValidator(type_names.check_name),
    Rules(pattern=type_names.SHOWN_NAME),
]
EventData = Annotated[dict[JsonName, Any], AfterValidator(_fits)]
OPENAPI = Rules(
    required=["openapi", "webhooks"],
    properties={
        "openapi": {
            "type": "string",
            "pattern": r"^3\.1",
            "description": "Version of OpenAPI: 3.1, or a patch of it.",
        },
        "webhooks": {
            "type": "object",
            "description": "The webhooks, one for each event type: name → path item.",
        },
    },
)
Key = Annotated[Filled, StringConstraints(max_length=200)]


class EventInput(Command):
    """One event to publish. See `key_material` for API keys in its data."""

    may_hold_keys: ClassVar[frozenset[str]] = frozenset({"data"})

    type: EventName = Field(description="Name of the event type, such as rfp.created.")
    data: EventData = Field(default={}, description="Data of the event, up to 64 KiB of JSON.")
    id: Key | None = Field(
        None,
        description="Your own id, unique in your tenant: the same id again publishes nothing and is"
        " no error. If an event of another application has it, this is a 409.",
    )
    occurred_at: Moment | None = Field(
        None, description="Time when it happened; now when left out."
    )
    subject: Key | None = Field(
        None, description="Thing or person that it is about; events are found and erased by it."
    )


class EventBatch(Command):
    """Up to 500 events, stored together or not at all."""

    events: list[EventInput] = Field(
        min_length=1,
        max_length=BATCH,
        description="The events. One event alone may be sent as the body itself, several as an"
        " array.",
    )

    @classmethod
    def key_places(cls, data: Any) -> Iterator[str]:
        """Yield the paths of texts that contain a key. The data of each event may contain some."""
        if not isinstance(data, Mapping):
            return
        yield from super().key_places({k: v for k, v in data.items() if k != "events"})
        events = data.get("events")
        if not isinstance(events, list):
            return
        for number, event in enumerate(events):
            yield from (f"events.{number}.{place}" for place in EventInput.key_places(event))


class PublishedEvent(BaseModel):
    """The result of one published event."""

    id: str = Field(description="Id of the event.")
    client_id: str | None = Field(description="The publisher's own id.")
    type: str = Field(description="Type of the event.")
    deliveries: int = Field(description="Number of webhooks that it goes to.")
    duplicate: bool = Field(description="It was published before; nothing was done now.")


class PublishedEvents(BaseModel):
    """The response to a publication, in the order of the request."""

    events: list[PublishedEvent] = Field(description="The results, in the order of the request.")


class EventDocument(BaseModel):
    """An event as it is read."""

    id: str = Field(description="Id of the event.")
    client_id: str | None = Field(description="The publisher's own id.")
    type: str = Field(description="Type of the event.")
    subject: str | None = Field(description="Thing or person that it is about.")
    data: dict[str, Any] = Field(description="Data of the event.")
    occurred_at: datetime = Field(description="Time when it happened.")
    received_at: datetime = Field(description="Time when it was published.")
    application_id: str | None = Field(description="Id of the application that published it.")
    app_id: str | None = Field(description="Slug of the application that published it.")
    actor_id: str = Field(description="Id of who published it.")
    actor_name: str = Field(description="Name of who published it.")
    only_for: str | None = Field(
        description="The one webhook that it was made for, in the lab; no other gets it."
    )


class MatchDocument(BaseModel):
    """The match of one webhook with an event, and the reason."""

    id: str = Field(description="Id of the webhook.")
    name: str = Field(description="Name of the webhook.")
    matched: bool = Field(description="True if the event is sent to it.")
    reason: str = Field(description="Reason, as a sentence.")


class EventWithMatches(EventDocument):
    """An event, and its match with every webhook of the tenant."""

    matches: list[MatchDocument] = Field(
        description="Match with each webhook by today's settings; at most 200 webhooks."
    )


class Erasure(Command):
    """The subject whose events to erase.

    It may contain a key, which can be the reason to erase it.
    """

    may_hold_keys: ClassVar[frozenset[str]] = frozenset({"subject"})

    subject: Key = Field(description="The subject of the events.")


class Erased(BaseModel):
    """The number of erased events, and whether to repeat the call: it erases at most 10,000."""

    events: int = Field(description="Number of events that were erased.")
    more: bool = Field(description="True if the subject has more events: then send this again.")


class EventTypeInput(Command):
    """The fields of an event type that a client may write."""

    server_managed: ClassVar[frozenset[str]] = frozenset({"builtin"})

    name: EventName | None = Field(
        None, description="The type's name, such as rfp.created. Fixed once it is there."
    )
    display_name: ShortText = Field("", description="Human-readable name.")
    description: LongText | None = Field(
        None, description="Description of the occasion on which it is published."
    )
    json_schema: dict[str, Any] | None = Field(
        None,
        description="JSON Schema (2020-12) of the event's data. Patterns are those of RE2: a dot is"
        r" any character but \n, and \s only a space, \t, \n, \f or \r.",
    )
    example: EventData | None = Field(None, description="An example of the event's data.")
    deprecated: bool = Field(False, description="Still sent, and better not subscribed to.")
    validation: Validation = Field("off", description=VALIDATION)
    tags: Tags = Field(default=[], description="Free-form tags.")


class EventTypeDocument(Document):
    """One type of event as it is read."""

    name: str = Field(description="Name of the type, such as rfp.created.")
    display_name: str = Field(description="Human-readable name.")
    description: str | None = Field(
        description="Description of the occasion on which it is published."
    )
    json_schema: dict[str, Any] | None = Field(
        description="JSON Schema (2020-12) of the event's data."
    )
    example: dict[str, Any] | None = Field(description="Example of the event's data.")
    deprecated: bool = Field(description="True if it is still sent, but better not subscribed to.")
    validation: Validation = Field(description=VALIDATION)
    tags: list[str] = Field(description="Free-form tags.")


class OwnTypeDocument(BaseModel):
    """One type of event that the portal itself publishes."""

    name: str = Field(description="Name of the type.")
    description: str = Field(description="Description of the occasion on which it is published.")
    json_schema: dict[str, Any] = Field(description="JSON Schema (2020-12) of the event's data.")
    example: dict[str, Any] = Field(description="Example of the event's data.")


class Import(Command):
    """An OpenAPI 3.1 document whose webhooks become event types."""

    document: Annotated[dict[str, Any], OPENAPI] = Field(description="The document, as JSON.")
    dry_run: bool = Field(False, description="Only tell what would be done.")


class ImportedType(BaseModel):
    """The result of importing one webhook of the document."""

    name: str = Field(description="Name of the event type.")
    fate: Literal["created", "updated", "unchanged", "skipped"] = Field(
        description="Result for this type."
    )
    reason: str = Field(description="Reason, as a sentence; may be empty.")


class ImportedTypes(BaseModel):
    """The results of importing the document's webhooks."""

    types: list[ImportedType] = Field(description="One result for each webhook of the document.")
    dry_run: bool = Field(description="True if nothing was stored.")


class SettingsInput(Command):
    """A tenant's retention, hidden fields and treatment of API keys in events."""

    retention_days: int = Field(
        30, ge=1, le=90, description="Days after which events and deliveries are forgotten."
    )
    redacted_fields: list[Annotated[Filled, StringConstraints(max_length=100)]] = Field(
        default=[],
        max_length=50,
        description="Names of fields whose values only those see who may change webhooks, in small"
        " or capital letters, however deep, and as parts of a form's names: ssn hides person[SSN],"
        " too. A path, such as person.ssn, hides every ssn. Of the texts in an event that look like"
        " JSON with escapes or with such a name, the first 100 are looked into; the others are"
        " hidden completely, and so is data that is a text alone, as of a received body without"
        " fields.",
    )
    key_material: KeyMaterial = Field(
        "mask",
        description="Treatment of an API key in an event's data. mask = only its beginning and"
        " its last four characters are kept; refuse = the event is not taken.",
    )


class SettingsDocument(BaseModel):
    """A tenant's event settings as they are read."""

    retention_days: int = Field(description="Days after which events and deliveries are deleted.")
    redacted_fields: list[str] = Field(
        description="Names of fields whose values are hidden from readers who may not change"
        " webhooks."
    )
    key_material: KeyMaterial = Field(
        description="Treatment of an API key in an event's data: mask or refuse."
    )
