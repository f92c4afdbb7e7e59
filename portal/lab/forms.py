"""The forms of the lab: a test, and an event for one webhook alone."""

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
        """Return a test with the webhook's first event and a sample to edit."""
        return cls(data={"event_type": suggestions(record)[0], "data": SAMPLE})


class LabForm(SampleForm[LabInput]):
    """An event for one webhook, and, where that sends to the inbox, how the inbox is to fail."""

    failure = ChoiceField("The inbox answers")
    times = NumberField(
        "How often", description="Up to 20 requests, then it takes what is sent again."
    )

    @classmethod
    def offering(cls, **given: Any) -> "LabForm":
        """Return the form with the failures that the inbox knows."""
        form = cls(data=given)
        form.failure.offer([("", "200, as usual"), *((k, f.title) for k, f in FAILURES.items())])
        return form


def suggestions(record: Webhook) -> list[str]:
    """Return names of single events that this webhook would get; of a group, its beginning goes
    on."""
    named = [name.replace("*", "created") for name in record.event_types if name != "*"]
    return named or ["rfp.created"]
