"""Schemas of the lab: the input for a test request and for an event for a single webhook."""

from typing import ClassVar

from pydantic import Field

from portal.events.schemas import EventName
from portal.inbound.reception.failure_orders import MOST, FailureName
from portal.records.schemas import Command, JsonObject


class SampleEvent(Command):
    """A made-up event for one webhook."""

    may_hold_keys: ClassVar[frozenset[str]] = frozenset({"data"})

    event_type: EventName = Field(description="One event's name, such as rfp.created.")
    data: JsonObject = Field(
        default={"message": "A test from the cPod integration portal."},
        description="The event's data, up to 16 KiB.",
    )


class TestInput(SampleEvent):
    """The event of one test request, and how to sign it."""

    __test__ = False  # pytest would collect it as a test

    newest_secret_only: bool = Field(
        False,
        description="Sign with the current secret alone, to see that the receiver knows it before"
        " the previous one is retired.",
    )


class LabInput(SampleEvent):
    """An event that is sent through the queue to a single webhook."""

    failure: FailureName | None = Field(
        None,
        description="Failure that the inbox answers with first, if the webhook sends to the inbox.",
    )
    times: int = Field(
        1, ge=0, le=MOST, description="Number of requests that the inbox answers so."
    )
