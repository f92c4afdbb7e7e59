"""Forms of inbound webhooks: their settings, and a request for the signature doctor."""

from typing import Any

from portal.inbound.doctor_questions import SignatureCheck
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    LongTextField,
    PairsField,
    SecretField,
    Sentence,
    Strong,
    SwitchField,
    TagsField,
    TextField,
    named,
    series,
)
from portal.webhooks.forms import EitherDirectionForm
from portal.webhooks.models import Webhook
from portal.webhooks.verification.provider_schemes import OPTIONS, SCHEMES

PLAIN = {"autocomplete": "off", "spellcheck": "false"}


def scheme_choices() -> list[tuple[str, str, str]]:
    """Return the schemes to choose from, with their groups."""
    own = [scheme for scheme in SCHEMES.values() if scheme.name != "inbox"]
    generic = [scheme for scheme in own if scheme.event_prefix == "inbound"]
    named = sorted(
        (scheme for scheme in own if scheme.event_prefix != "inbound"), key=lambda one: one.title
    )
    return [
        *((scheme.name, scheme.title, "Any sender") for scheme in generic),
        *((scheme.name, scheme.title, "Provider") for scheme in named),
    ]


class InboundForm(EitherDirectionForm):
    """Create or change an inbound webhook."""

    name = TextField(
        "Name",
        needed="Enter a name.",
        description="Name shown to people, for example Pushes from GitHub.",
    )
    inbound_scheme = ChoiceField(
        "Who sends", description="Decides how a request proves that it is genuine."
    )
    inbound_secret = SecretField(
        "The sender's secret",
        description="Made at the sender. Left empty, one is made here and shown once, if the"
        " sender can be given one. It is never shown again.",
    )
    event_types = TagsField(
        "Events",
        description="Only these are published, such as github.push or stripe.*; empty for all.",
    )
    enabled = SwitchField("Take requests", default=True)
    option_header = TextField(
        "Header of the signature", wire="inbound_options.header", render_kw=PLAIN
    )
    option_prefix = TextField(
        "What stands before it", wire="inbound_options.prefix", render_kw=PLAIN
    )
    option_delivery_id = TextField(
        "Where the delivery's id is",
        wire="inbound_options.delivery_id",
        description="header:X-Request-Id or body:id; a repeated delivery is known by it.",
        render_kw=PLAIN,
    )
    option_event_type = TextField(
        "Where the event's type is",
        wire="inbound_options.event_type",
        description="header:X-Event-Type or body:type.",
        render_kw=PLAIN,
    )
    option_audience = TextField(
        "Audience of the tokens",
        wire="inbound_options.audience",
        description="For JSON Web Tokens: their claim aud. Needed with the address of a key"
        " set, whose issuer makes tokens for others too.",
        render_kw=PLAIN,
    )
    option_issuer = TextField(
        "Issuer of the tokens",
        wire="inbound_options.issuer",
        description="Their claim iss; empty for any.",
        render_kw=PLAIN,
    )
    option_subject = TextField(
        "Subject of the tokens",
        wire="inbound_options.subject",
        description="Their claim sub; empty for any.",
        render_kw=PLAIN,
    )
    option_equal_bodies = ChoiceField(
        "The same body again",
        wire="inbound_options.equal_bodies",
        choices=[
            ("", "Is a repetition, and published once"),
            ("each", "Is another event, and published again"),
        ],
        description="For HMAC without a time: nothing that is signed tells a sender that repeats"
        " itself from somebody who copied a request.",
    )
    sentence_of = ("name", "inbound_scheme", "event_types", "enabled")

    @property
    def sentence(self) -> Sentence:
        """Return whose requests are taken, and what is published."""
        name = named(self.name.data, "This webhook")
        scheme = SCHEMES.get(str(self.inbound_scheme.data or ""))
        if not self.enabled.data:
            return Sentence(*name, " is saved and takes no requests until you turn it on.")
        sender = [" from ", Strong(scheme.title)] if scheme else []
        events = [Strong(pattern) for pattern in self.event_types.data or ()]
        published = ["only ", *series(events)] if events else ["each as an event"]
        return Sentence(*name, " takes requests", *sender, " and publishes ", *published, ".")

    @classmethod
    def of(cls, record: Webhook | None = None, **given: Any) -> "InboundForm":
        """Return the form of a new inbound webhook, or of a record."""
        options = record.inbound_options if record else {}
        given |= {f"option_{name}": options.get(name, "") for name in OPTIONS}
        form = cls(obj=record, data=given)
        form.inbound_scheme.offer(scheme_choices())
        if record is not None and record.inbound_scheme == "inbox":
            form.inbound_scheme.offer([("inbox", SCHEMES["inbox"].title)])
        if record is not None and record.secret_fingerprint:
            form.inbound_secret.stored = f"Set, fingerprint …{record.secret_fingerprint[-4:]}"
            form.inbound_secret.removable = False
        return form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the submitted document: the options as one object, the secret only if one was
        typed."""
        document = super().document(stored)
        if stored is None or {"inbound_scheme", "inbound_options"} & document.keys():
            document["inbound_options"] = self._options(document, stored)
        if stored is None:
            document["direction"] = "inbound"
        if self.inbound_secret.given:
            document["inbound_secret"] = self.inbound_secret.given
        return document

    def _options(self, document: dict[str, Any], stored: Webhook | None) -> dict[str, str]:
        """Return the options that the chosen scheme has."""
        scheme = SCHEMES.get(str(self.inbound_scheme.data or ""))
        if scheme is None or not scheme.is_generic:
            return {}
        options = document.get("inbound_options", stored.inbound_options if stored else {})
        return {name: value for name, value in options.items() if value and scheme.takes(name)}


class DoctorForm(CommandForm[SignatureCheck]):
    """A request to diagnose. The secret is used once and not stored."""

    webhook_id = ChoiceField("Check with the secrets of")
    scheme = ChoiceField("Signed as")
    secret = SecretField("Or with this secret", description="Neither kept nor written to a log.")
    headers = PairsField(
        "Headers", description="As they came, one a line: Name: value.", render_kw={"rows": "6"}
    )
    body = LongTextField(
        "Body", description="The raw body.", render_kw={"rows": "8", "spellcheck": "false"}
    )
    url = TextField(
        "Address",
        description="As the sender was told it; some sign it. Left empty, the webhook's.",
        render_kw=PLAIN,
    )

    @classmethod
    def of(cls, webhooks: list[tuple[str, str]], **given: Any) -> "DoctorForm":
        """Return the form with these webhooks (id, name) to choose from."""
        form = cls(data=given)
        form.webhook_id.offer([("", "None"), *webhooks])
        form.scheme.offer([("", "As the webhook says"), *scheme_choices()])
        return form

    def document(self, stored: Any = None) -> dict[str, Any]:
        """Return the submitted document; the body as it came through the text box, not stripped."""
        document = super().document(stored)
        document = {name: value for name, value in document.items() if value is not None}
        document["body"] = str(self.body.data or "")
        if self.secret.given:
            document["secret"] = self.secret.given
        return document
