"""The forms of a webhook: its settings, a test, and the press of one button."""

from typing import Any, Generic, TypeVar

from portal.inbound.inbox.failure_orders import FAILURES
from portal.records.schemas import Command
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    MomentField,
    NumberField,
    PairsField,
    SwitchField,
    TagsField,
    TextField,
)
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import (
    DEFAULT_POLICY,
    FilterTest,
    LabInput,
    ReplayInput,
    ResumeInput,
    SampleEvent,
    TestInput,
    WebhookInput,
)

S = TypeVar("S", bound=SampleEvent)

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
SAMPLE = {"id": "rec_01K1EXAMPLE", "title": "A test from the cPod integration portal"}


class WebhookForm(CommandForm[WebhookInput]):
    """Create or change a webhook."""

    name = TextField("Name", description="What people call it, for example CRM events.")
    url = TextField(
        "Target URL",
        description="Where the events go, for example https://hooks.example.com/cpod. It must be"
        " reachable from the internet.",
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
        """The form of a new webhook (for an application, where one is named), or of a record."""
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


class SampleForm(CommandForm[S], Generic[S]):
    """An event made up for one webhook: which, with which data."""

    event_type = TextField(
        "Event",
        description="One event's name, such as rfp.created.",
        render_kw={"list": "event-types", "autocomplete": "off", "spellcheck": "false"},
    )
    data = JsonField("Data", description="The event's data: a JSON object, up to 16 KiB.")


class TestForm(SampleForm[TestInput]):
    """One test."""

    __test__ = False  # to pytest it looks like a test

    newest_secret_only = SwitchField(
        "Sign with the newest secret alone",
        description="To see that the receiver knows it, before the one before is retired.",
    )

    @classmethod
    def of(cls, record: Webhook) -> "TestForm":
        """A test with the webhook's first event and a sample to edit."""
        return cls(data={"event_type": suggestions(record)[0], "data": SAMPLE})


class Press(Command):
    """Nothing but that a button was pressed."""


class PressForm(CommandForm[Press]):
    """A button whose work is done once, however often its form is sent."""


def suggestions(record: Webhook) -> list[str]:
    """Names of single events that this webhook would get; of a group, its beginning goes on."""
    named = [name.replace("*", "created") for name in record.event_types if name != "*"]
    return named or ["rfp.created"]


class ResumeForm(CommandForm[ResumeInput]):
    """Resume a paused webhook: what becomes of what was held."""

    choice = TextField("What was held")
    before = MomentField(
        "Skip what was published before", description="In UTC. Left empty: everything until now."
    )


class LabForm(SampleForm[LabInput]):
    """An event for one webhook, and, where that sends to the inbox, how the inbox is to fail."""

    failure = ChoiceField("The inbox answers")
    times = NumberField(
        "How often", description="Up to 20 requests, then it takes what is sent again."
    )

    @classmethod
    def offering(cls, **given: Any) -> "LabForm":
        """The form with the failures that the inbox knows."""
        form = cls(data=given)
        form.failure.offer([("", "200, as usual"), *((k, f.title) for k, f in FAILURES.items())])
        return form


class ReplayForm(CommandForm[ReplayInput]):
    """Send the events of a window again."""

    WHAT = (
        ("failed", "Failed: its delivery failed for good"),
        ("missing", "Missing: matches today, was never sent here"),
        ("all", "All: everything that matches today"),
    )
    what = ChoiceField("Which events", choices=WHAT)
    since = MomentField("From", wire="from", description="In UTC.")
    until = MomentField("Until", wire="to", description="In UTC.")
    rate = NumberField(
        "At most a second", description="1 to 1,000. Left empty: as fast as the receiver takes it."
    )


class TrialForm(CommandForm[FilterTest]):
    """The two fields of a webhook's form that decide which events it gets."""

    event_types = TagsField("Events")
    filter = JsonField("Filter")
