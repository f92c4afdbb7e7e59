"""Forms of webhooks: the settings, and a form that has only a button."""

from urllib.parse import urlsplit

from portal.records.schemas import Command
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    NumberField,
    PairsField,
    PickField,
    Sentence,
    Strong,
    SwitchField,
    TagsField,
    TextField,
    named,
    series,
)
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import DEFAULT_POLICY, WebhookInput

SAID = 4  # patterns of events in the sentence
BACKOFF_CHOICES = [
    ("exponential", "Exponential"),
    ("linear", "Linear"),
    ("fixed", "Fixed"),
]
SCHEME_CHOICES = [
    ("standard-webhooks", "Standard Webhooks (HMAC-SHA256)"),
    ("standard-webhooks-ed25519", "Standard Webhooks with a key pair (ed25519)"),
    ("github", "As GitHub does: X-Hub-Signature-256"),
    ("stripe", "As Stripe does: t=…,v1=…"),
    ("hmac-sha256-hex", "Plain HMAC-SHA256, hex"),
    ("hmac-sha256-base64", "Plain HMAC-SHA256, base64"),
]


class EitherDirectionForm(CommandForm[WebhookInput]):
    """The fields that webhooks of both directions have in the same words."""

    application_id = PickField("Application", of="applications")
    tags = TagsField("Tags", description="Separated by commas.")


class WebhookForm(EitherDirectionForm):
    """Create or change an outbound webhook."""

    name = TextField(
        "Name", needed="Enter a name.", description="Name shown to people, for example CRM events."
    )
    url = TextField(
        "Target URL",
        description="Address for the events, for example https://hooks.example.com/cpod. The portal"
        " must be able to reach it.",
        render_kw={"inputmode": "url", "autocomplete": "off", "spellcheck": "false"},
    )
    event_types = TagsField(
        "Events",
        description="Separated by commas: a name such as rfp.created, a group such as rfp.*, or *"
        " for everything. Whichever application publishes them.",
    )
    filter = JsonField(
        "Filter",
        description="A field of the event's data and the values it must have one of, as JSON:"
        ' {"region": ["eu", "us"]}. Empty: everything passes.',
    )
    rate_limit = NumberField(
        "Rate limit (deliveries per second)", description="1 to 1,000. Empty for no limit."
    )
    ordered = SwitchField(
        "One at a time, in order",
        description="A delivery that fails holds up those after it until it is through.",
    )
    enabled = SwitchField("Send events", default=True)
    signature_scheme = ChoiceField(
        "Signed as",
        choices=SCHEME_CHOICES,
        default="standard-webhooks",
        description="Change this only if your receiver already checks another format. Rotate the"
        " secret after a change to or from a key pair.",
    )
    connector_id = PickField("Connector", of="connectors")
    max_attempts = NumberField(
        "Attempts",
        default=DEFAULT_POLICY.max_attempts,
        wire="retry_policy.maxAttempts",
        description="For one event, 1 to 20.",
    )
    backoff = ChoiceField(
        "Backoff",
        choices=BACKOFF_CHOICES,
        default=DEFAULT_POLICY.backoff,
        wire="retry_policy.backoff",
        description="Growth of the waits between attempts.",
    )
    timeout_ms = NumberField(
        "Timeout in ms",
        default=DEFAULT_POLICY.timeout_ms,
        wire="retry_policy.timeoutMs",
        description="1,000 to 30,000.",
    )
    headers = PairsField(
        "Headers",
        description="Name: value, one a line; sent with every delivery and shown in clear text, so"
        " no secrets.",
    )

    # The whole form is sent for it, in a body: a target URL can have a secret in it.
    sentence_of = ("name",)

    @classmethod
    def of(
        cls, record: Webhook | None = None, *, application_id: str | None = None
    ) -> "WebhookForm":
        """Return the form of a record, or of a new webhook (for an application, if one is
        named)."""
        policy = record.retry_policy if record else DEFAULT_POLICY.model_dump(by_alias=True)
        parts = {
            "max_attempts": policy["maxAttempts"],
            "backoff": policy["backoff"],
            "timeout_ms": policy["timeoutMs"],
            "application_id": application_id,
        }
        return cls(obj=record, data=parts)

    @property
    def sentence(self) -> Sentence:
        """Return what is sent where, and how often it is tried."""
        name = named(self.name.data, "This webhook")
        host = _host(str(self.url.data or ""))
        if not self.enabled.data:
            return Sentence(*name, " is saved and sends only test events until you turn it on.")
        if not host:
            return Sentence(*name, " sends nothing yet: it has no target URL.")
        patterns = self.event_types.data or []
        if not patterns:
            return Sentence(*name, " sends nothing yet: no event is chosen.")
        said = ["every event"] if "*" in patterns else patterns[:SAID]
        rest = f" and {len(patterns) - SAID} more" if len(patterns) > len(said) > 1 else ""
        most = str(self.max_attempts.data)
        tries = [Strong("once")] if most == "1" else ["up to ", Strong(f"{most} times")]
        events = [*series([*map(Strong, said)]), rest]
        sent = [" sends ", *events, " to ", Strong(host), "."]
        return Sentence(*name, *sent, " Each is tried ", *tries, ".")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url.strip()).hostname
    except ValueError:  # the command says what is wrong
        return None


class ButtonCommand(Command):
    """An empty command, for a form that has only a button."""


class ButtonForm(CommandForm[ButtonCommand]):
    """A form that has only a button. Its action runs once, even if the form is sent again."""
