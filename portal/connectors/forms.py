"""The form of a connector. Its provider decides which settings and credentials it shows."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from markupsafe import Markup
from wtforms import Field
from wtforms.widgets import html_params

from portal.connectors.models import Connector
from portal.connectors.schemas import ConnectorInput
from portal.providers import Provider, Setting, Variant
from portal.web.drawing.template_functions import ago
from portal.web.forms import (
    ABSENT,
    ChecksField,
    ChoiceField,
    CommandForm,
    HiddenWired,
    JsonField,
    LinesField,
    MomentField,
    NumberField,
    PickField,
    SecretField,
    Sentence,
    Strong,
    SwitchField,
    TagsField,
    TextField,
    Wired,
    named,
)

SCOPE_CHOICES = [("org", "Organisation"), ("group", "Group"), ("user", "Personal")]
AUDIENCES = {
    "org": ", for everybody in the organisation",
    "group": ", for one group",
    "user": ", for one person",
}
LEFT_OVER = "left_over"


class MoreSettings(JsonField):
    """The settings that have no field of their own, as JSON."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Parse the JSON.

        Raises ValueError, which WTForms shows at the field, unless it is an object.
        """
        super().process_formdata(valuelist)
        if not isinstance(self.data, dict):
            raise ValueError('Give an object such as {"region": "eu"}.')

    def sent(self) -> Any:
        """Return a copy, because the settings of other fields are merged into it."""
        return dict(self.data or {})


class _LongSecret:
    """A text area that never shows its value, for multi-line secrets such as private keys."""

    def __call__(self, field: Field, **given: Any) -> Markup:
        given = {
            "rows": 4,
            "class": "mono",
            "autocomplete": "off",
            "spellcheck": "false",
            "data-never-kept": True,
            **given,
        }
        shown = html_params(name=field.name, id=field.id, **given)
        return Markup(f"<textarea {shown}></textarea>")  # noqa: S704 - html_params escapes


class CredentialField(SecretField):
    """One field of the credentials. A field that is not secret is shown while it is typed."""

    def __init__(self, *args: Any, setting: Setting, variant: str, **kwargs: Any) -> None:
        if setting.key.endswith(("_pem", "_jwk")):
            kwargs["widget"] = _LongSecret()
        elif not setting.secret:
            kwargs["render_kw"] = {"type": "text"}
        super().__init__(*args, wire=f"{variant}.{setting.key}", **kwargs)
        self.key, self.variant = setting.key, variant

    @property
    def value(self) -> str | None:
        """Return the typed text, stripped of the blanks that copying adds, except for a
        password."""
        text = (self.given or "").replace("\r\n", "\n")
        return (text if self.key == "password" else text.strip()) or None


class ConnectorForm(CommandForm[ConnectorInput]):
    """A form that creates or changes a connector. `of` adds the fields of its provider."""

    kind: Provider
    variants: tuple[Variant, ...]

    provider = HiddenWired("Provider")
    name = TextField(
        "Name", needed="Enter a name.", description="Name shown to people, for example Okta, EU."
    )
    application_id = PickField("Application", of="applications")
    scope = ChoiceField("Scope", choices=SCOPE_CHOICES, default="org")
    group_id = TextField("Group id", description="Needed when the scope is group.")
    user_id = ChoiceField("Person", description="Needed when the scope is personal.")
    owner_id = PickField("Owner", of="people", description="Person who answers for it.")
    more = MoreSettings(
        "More settings",
        wire="config",
        description='A JSON object, for example {"region": "eu"}. Shown in clear text, so no'
        " secrets.",
    )
    auth_type = ChoiceField("Authentication")
    enabled = SwitchField("Enabled", default=True)
    webhook_endpoint_id = PickField(
        "Webhook",
        of="webhooks",
        description="A webhook of this tenant that gets the connector's events.",
    )
    next_rotation_due = MomentField(
        "Next rotation due", description="Time when the credentials should be renewed, in UTC."
    )
    tags = TagsField("Tags", description="Separated by commas.")

    sentence_of = ("name", "application_id", "scope", "enabled")

    @property
    def sentence(self) -> Sentence:
        """Return what is connected, and for whom."""
        name = named(self.name.data, "This connector")
        names = {choice.value: choice.label for choice in self.application_id.choices or ()}
        owner = names.get(self.application_id.data) if self.application_id.data else None
        system = self.kind.name if self.kind.key != "custom" else "another system"
        whose = [" for ", Strong(owner)] if owner else []
        rest = "" if self.enabled.data else " It is off until you turn it on."
        reach = AUDIENCES.get(str(self.scope.data), "")
        return Sentence(*name, " connects to ", Strong(system), *whose, reach, ".", rest)

    @classmethod
    def of(cls, kind: Provider, record: Connector | None = None, **start: Any) -> "ConnectorForm":
        """Return the form for a provider, empty or filled from a record."""
        known = record if record is not None and record.provider == kind.key else None
        fields = tuple(record.credential_fields) if record else ()
        auth_type = known.auth_type if known else None
        made = _form_class(kind, auth_type, fields)
        events = {"events": record.event_types} if record else {}
        form = made(obj=record, data={**start, **_settings(kind, known, record), **events})
        form.provider.data = kind.key
        form._say_what_is_stored(record)
        form._say_what_is_not_set(known)
        return form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the sent document, with the credentials of the chosen authentication type."""
        document = super().document(stored)
        config = document.get("config", {})
        for setting in self.kind.config:
            if config.get(setting.key, ABSENT) is None:
                del config[setting.key]
        document["credentials"] = {}
        for field in self.credentials():
            if field.variant == LEFT_OVER or field.variant == self.auth_type.data:
                field.wire = f"credentials.{field.key}"
                if field.value is not None or field.removed:
                    document["credentials"][field.key] = field.value
        return document

    def stored_value(self, record: Any, field: Wired) -> Any:
        """Return the stored value; for `more`, only the settings without a field of their own."""
        value = super().stored_value(record, field)
        if field.name == "more":
            return _without_setting(self.kind, value)
        return value

    def needed_settings(self) -> list[Field]:
        """Return the fields of the provider's settings without which nothing works."""
        return [self[_config_name(setting)] for setting in self.kind.config if setting.required]

    def other_settings(self) -> list[Field]:
        """Return the fields of the provider's other settings."""
        return [self[_config_name(setting)] for setting in self.kind.config if not setting.required]

    def credentials(self, variant: str | None = None) -> list[CredentialField]:
        """Return the fields of all credentials, or those of one authentication type."""
        fields = [field for field in self if isinstance(field, CredentialField)]
        return [field for field in fields if variant in (None, field.variant)]

    def _say_what_is_not_set(self, known: Connector | None) -> None:
        """Mark the settings that the record lacks. Their defaults must not be saved unnoticed.

        A choice gets “Not set”: a browser would choose the first option.
        """
        missing = [s for s in self.kind.config if known is not None and s.key not in known.config]
        for setting in missing:
            self[_config_name(setting)].is_missing = True
            if setting.kind == "enum":
                options = [(option, option) for option in setting.options]
                self[_config_name(setting)].offer([("", "Not set"), *options])

    def _say_what_is_stored(self, record: Connector | None) -> None:
        if record is None or record.credential_last_rotated_at is None:
            return
        when = ago(record.credential_last_rotated_at)
        for field in self.credentials():
            if field.key in record.credential_fields:
                by = record.credential_set_by_name
                field.stored = f"Set; credentials last changed {when} by {by}"


# ---------------------------------------------------------------- drawn from the catalogue


@lru_cache(maxsize=256)
def _form_class(
    kind: Provider, auth_type: str | None, stored: tuple[str, ...]
) -> type[ConnectorForm]:
    """Return the form class for a provider. `stored` are credential fields that must be shown."""
    variants = kind.auth
    if auth_type and kind.variant(auth_type) is None:
        variants = (Variant(type=auth_type, credentials=()), *variants)
    shown = next((v for v in variants if v.type == auth_type), variants[0])
    left_over = tuple(
        Setting(key=name, label=name, secret=True) for name in stored if name not in shown.names
    )
    members: dict[str, Any] = {
        "__module__": __name__,
        "kind": kind,
        "variants": variants,
        "auth_type": ChoiceField(
            "Authentication",
            choices=[(v.type, v.label) for v in variants],
            default=shown.type,
        ),
        "events": _events_field(kind),
        **dict(_config_fields(kind)),
        **dict(_credential_fields((*variants, Variant(type=LEFT_OVER, credentials=left_over)))),
    }
    return type("ProviderForm", (ConnectorForm,), members)


def _config_name(setting: Setting) -> str:
    return f"config-{setting.key}"


def _config_fields(kind: Provider) -> Iterator[tuple[str, Any]]:
    for setting in kind.config:
        yield _config_name(setting), _config_field(setting)


def _config_field(setting: Setting) -> Any:
    options: dict[str, Any] = {"wire": f"config.{setting.key}", "default": setting.default}
    if setting.kind == "bool":
        return SwitchField(setting.label, **options)
    if setting.kind == "int":
        return NumberField(setting.label, **options)
    if setting.kind == "enum":
        empty = [] if setting.default else [("", "Not set")]
        choices = [*empty, *((option, option) for option in setting.options)]
        return ChoiceField(setting.label, choices=choices, **options)
    example = f"For example {setting.example}." if setting.example else ""
    return TextField(setting.label, description=example, **options)


def _credential_fields(variants: tuple[Variant, ...]) -> Iterator[tuple[str, CredentialField]]:
    for variant in variants:
        for number, setting in enumerate(variant.credentials):
            field = CredentialField(setting.label, setting=setting, variant=variant.type)
            yield f"credentials-{variant.type}-{number}", field


def _events_field(kind: Provider) -> Any:
    if kind.events:
        return ChecksField(
            "Events",
            wire="event_types",
            choices=[(name, name) for name in kind.events],
            description="Events that this connector emits.",
        )
    return LinesField("Events", wire="event_types", description="Events that it emits, one a line.")


def _settings(kind: Provider, known: Connector | None, record: Connector | None) -> dict[str, Any]:
    """Return the stored configuration, split over the fields that show it."""
    config = record.config if record is not None else {}
    data: dict[str, Any] = {
        _config_name(setting): config[setting.key]
        for setting in kind.config
        if setting.key in config
    }
    if known is not None:
        # Keep a missing setting missing. Its default must not be saved unnoticed.
        missing = (s for s in kind.config if s.key not in config and s.kind != "bool")
        data |= {_config_name(setting): None for setting in missing}
    return {**data, "more": _without_setting(kind, config)}


def _without_setting(kind: Provider, config: dict[str, Any] | None) -> dict[str, Any]:
    drawn = {setting.key for setting in kind.config}
    return {name: value for name, value in (config or {}).items() if name not in drawn}
