"""Forms of the lab: a test request, and an event for a single webhook."""

from typing import Any, Generic, TypeVar

from portal.inbound.reception.failure_orders import FAILURES
from portal.lab.schemas import LabInput, SampleEvent, TestInput
from portal.web.forms import (
    ChoiceField,
    CommandForm,
    JsonField,
    NumberField,
    SwitchField,
    TextField,
)
from portal.webhooks.models import Webhook

S = TypeVar("S", bound=SampleEvent)

SAMPLE = {"id": "rec_01K1EXAMPLE", "title": "A test from the cPod integration portal"}


class SampleForm(CommandForm[S], Generic[S]):
    """A made-up event for one webhook: its type and its data."""

    event_type = TextField(
        "Event",
        description="One event's name, such as rfp.created.",
        render_kw={"list": "event-types", "autocomplete": "off", "spellcheck": "false"},
    )
    data = JsonField("Data", description="The event's data: a JSON object, up to 16 KiB.")


class TestForm(SampleForm[TestInput]):
    """One test request."""

    __test__ = False  # pytest would collect it as a test

    newest_secret_only = SwitchField(
        "Sign with the newest secret alone",
        description="To see that the receiver knows it, before the previous ones are retired.",
    )

    @classmethod
    def of(cls, record: Webhook) -> "TestForm":
        """Return the form, filled with the webhook's first event type and sample data."""
        return cls(data={"event_type": suggestions(record)[0], "data": SAMPLE})


class LabForm(SampleForm[LabInput]):
    """An event for one webhook, and, if the webhook sends to the inbox, the failure to simulate."""

    failure = ChoiceField("The inbox answers")
    times = NumberField(
        "How often", description="Up to 20 requests, then it takes what is sent again."
    )

    @classmethod
    def offering(cls, **given: Any) -> "LabForm":
        """Return the form with the failures that the inbox can simulate."""
        form = cls(data=given)
        form.failure.offer([("", "200, as usual"), *((k, f.title) for k, f in FAILURES.items())])
        return form


def suggestions(record: Webhook) -> list[str]:
    """Return event types that this webhook would receive; in a pattern, `created` replaces the
    `*`."""
    named = [name.replace("*", "created") for name in record.event_types if name != "*"]
    return named or ["rfp.created"]
