"""Forms of webhooks: the settings, and a form that has only a button."""

from portal.records.schemas import Command
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    NumberField,
    PairsField,
    SwitchField,
    TagsField,
    TextField,
)
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import DEFAULT_POLICY, WebhookInput

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


class WebhookForm(CommandForm[WebhookInput]):
    """Create or change a webhook."""

    name = TextField(
        "Name", description="Name shown to people, for example CRM events.", has_default=True
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
        " for everything.",
    )
    filter = JsonField(
        "Filter",
        description="A field of the event's data and the values it must have one of, as JSON:"
        ' {"region": ["eu", "us"]}. Empty: everything passes.',
    )
    rate_limit = NumberField(
        "At most a second", description="1 to 1,000 deliveries. Empty: no limit of yours."
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
        description="Others than the first are for receivers that check those already. Rotate the"
        " secret after a change to or from a key pair.",
    )
    application_id = ChoiceField("Application")
    connector_id = ChoiceField("Connector")
    max_attempts = NumberField(
        "Attempts", wire="retry_policy.maxAttempts", description="For one event, 1 to 20."
    )
    backoff = ChoiceField(
        "Waits between them",
        wire="retry_policy.backoff",
        description="Ever longer, evenly longer, or always the same.",
    )
    timeout_ms = NumberField(
        "Timeout in ms", wire="retry_policy.timeoutMs", description="1,000 to 30,000."
    )
    headers = PairsField(
        "Headers",
        description="Name: value, one a line; sent with every delivery and shown in clear text, so"
        " no secrets.",
    )
    tags = TagsField("Tags", description="Separated by commas.")

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
        form = cls(obj=record, data=parts)
        form.backoff.choices = BACKOFF_CHOICES
        return form


class ButtonCommand(Command):
    """An empty command, for a form that has only a button."""


class ButtonForm(CommandForm[ButtonCommand]):
    """A form that has only a button. Its action runs once, even if the form is sent again."""
