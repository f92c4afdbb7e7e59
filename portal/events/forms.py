"""The forms of events: publish one, describe a type, import types, settings, erasure."""

from typing import Any

from portal.events.models import EventType
from portal.events.schemas import Erasure, EventInput, EventTypeInput, Import, SettingsInput
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    LongTextField,
    NumberField,
    SwitchField,
    TagsField,
    TextField,
)

VALIDATION_CHOICES = [
    ("off", "Take what is published as it is"),
    ("reject", "Refuse what does not fit the schema"),
]
KEY_MATERIAL_CHOICES = [
    ("mask", "Mask: keep the beginning and the last four characters"),
    ("refuse", "Refuse the event"),
]


class EventForm(CommandForm[EventInput]):
    """A form that publishes one event."""

    operation = "integration.events.publish"
    type = TextField(
        "Event type",
        description="One name, such as rfp.created.",
        render_kw={"list": "event-types", "autocomplete": "off", "spellcheck": "false"},
    )
    data = JsonField("Data", description="A JSON object, up to 64 KiB.")
    subject = TextField(
        "Subject",
        description="Thing or person that it is about; events are found and erased by it.",
    )
    id = TextField(
        "Your own id", description="The same id again publishes nothing and is no error."
    )


class EventTypeForm(CommandForm[EventTypeInput]):
    """A form that describes an event type."""

    name = TextField(
        "Name",
        description="Such as rfp.created. Fixed once it is there.",
        render_kw={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"},
    )
    display_name = TextField("Title", description="Name shown to people.")
    description = LongTextField("When it happens")
    json_schema = JsonField(
        "JSON Schema", description="Of the event's data (2020-12). Empty: anything goes."
    )
    example = JsonField("Example", description="Empty: one is made from the schema.")
    validation = ChoiceField("On publication", choices=VALIDATION_CHOICES)
    deprecated = SwitchField("Deprecated", description="Still sent, better not subscribed to.")
    tags = TagsField("Tags", description="Separated by commas.")

    @classmethod
    def of(cls, record: EventType | None = None) -> "EventTypeForm":
        """Return the form of a new or existing type. An existing type's name cannot be changed."""
        form = cls(obj=record)
        if record is not None:
            del form.name
        return form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the document with an empty schema or example as null."""
        document = super().document(stored)
        for name in ("json_schema", "example"):
            if document.get(name) == {}:
                document[name] = None
        return document


class SettingsForm(CommandForm[SettingsInput]):
    """The settings form: retention of events and deliveries, and fields hidden from readers."""

    retention_days = NumberField(
        "Keep events and deliveries for, in days",
        description="1 to 90. What is older is forgotten within the hour, and cannot be replayed.",
    )
    redacted_fields = TagsField(
        "Fields hidden from readers",
        description="Names separated by commas, such as email, iban. Wherever such a field stands"
        " in an event, a request or an answer, only people who may change webhooks see its value."
        " Also a body that is no JSON and no form is for them alone. Receivers get all as it is.",
    )
    key_material = ChoiceField(
        "API keys in events",
        choices=KEY_MATERIAL_CHOICES,
        description="Applied before an event is kept or sent. Events that are kept already stay as"
        " they are.",
    )


class ErasureForm(CommandForm[Erasure]):
    """A form that names the subject whose events to erase; it first shows how many there are."""

    subject = TextField(
        "Subject",
        description="Exactly as it was published, such as a customer's number.",
        render_kw={"autocomplete": "off", "spellcheck": "false", "maxlength": "200"},
    )


class ImportForm(CommandForm[Import]):
    """A form that imports types from an OpenAPI document; it shows a preview first."""

    openapi = JsonField(
        "OpenAPI 3.1 document",
        wire="document",
        description="As JSON, with webhooks. Each of them becomes an event type.",
    )
