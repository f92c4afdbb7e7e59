"""Schemas of deliveries and replays: the input that a client sends, and the documents that the API
returns."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from portal.records.schemas import Command, Moment, RecordId
from portal.webhooks.models import DeliveryOrigin, OutcomeWord
from portal.webhooks.schemas import Filter, Patterns

DeliveryState = Literal[
    "pending", "in_flight", "retrying", "held", "delivered", "failed", "expired", "cancelled"
]


class ResumeInput(Command):
    """The choice of what happens to the events that were held while a webhook was paused."""

    choice: Literal["all", "newest_per_subject", "skip_before"] = Field(
        "all",
        description="all = send everything; newest_per_subject = of each subject the newest event"
        " alone; skip_before = only what was published, or sent again, from `before` on.",
    )
    before: Moment | None = Field(None, description="For skip_before; left out, now.")


class BacklogDocument(BaseModel):
    """The deliveries that are held for a paused webhook, or that wait for an active one."""

    held: int = Field(description="Number of deliveries that wait.")
    is_more: bool = Field(description="There are more than were counted.")
    oldest: datetime | None = Field(description="Time of the oldest of them.")
    seconds: float = Field(description="About how long sending all of it takes.")


class SpanDocument(BaseModel):
    """The attempts of one hour, or of all 24."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    hour: datetime | None
    """Start of the hour; null for the whole day."""
    attempts: int
    """Attempts that have ended; test deliveries are not counted."""
    delivered: int
    """Attempts that succeeded."""
    failed: int
    """Attempts that failed."""
    p50_ms: float | None
    """Time within which half of the attempts were answered, in milliseconds."""
    p95_ms: float | None
    """Time within which 95 % of the attempts were answered, in milliseconds."""


class HealthDocument(BaseModel):
    """The health of a webhook: the last 24 hours, what waits, and why it is paused."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    webhook_id: str
    """Id of the webhook."""
    is_active: bool
    """True if the webhook sends: it is enabled, not paused and not deleted."""
    paused_at: datetime | None
    """Time since which it is paused."""
    pause_reason: str | None
    """Reason of the pause: by hand, or what failed."""
    failing_since: datetime | None
    """Time since which every attempt has failed."""
    next_probe_at: datetime | None
    """Time of the next trial request while it is paused because of failures."""
    held: int
    """Deliveries that wait."""
    is_more: bool
    """True if more wait than were counted."""
    oldest: datetime | None
    """Time of the oldest delivery that waits."""
    seconds: float
    """Seconds that sending all of them takes, about."""
    next_attempt_at: datetime | None
    """Time of the next attempt."""
    expired: int
    """Deliveries that were given up because they waited for too long."""
    last_day: SpanDocument
    """Attempts of the last 24 hours, the sum of those in `hours`."""
    hours: list[SpanDocument]
    """Attempts of each of these hours, the oldest first; of more than 1,000 the newest 1,000."""


class DeliveryDocument(BaseModel):
    """The delivery of one event to one webhook, as the API returns it."""

    id: str = Field(description="Id of the delivery.")
    webhook_id: str = Field(description="Id of the webhook.")
    event_id: str = Field(description="Also the header webhook-id of every attempt.")
    event_type: str = Field(description="Type of the event.")
    subject: str | None = Field(description="Subject of the event.")
    state: DeliveryState = Field(description="Progress of the delivery.")
    attempts: int = Field(description="Number of attempts so far.")
    next_attempt_at: datetime | None = Field(
        description="Time of the next attempt; null if there is none."
    )
    sequence: int | None = Field(
        description="Its place in the order of first attempts, without gaps: header cpod-sequence."
    )
    created_at: datetime = Field(description="Time when it was queued.")
    completed_at: datetime | None = Field(description="Time when it ended; null while it goes on.")
    outcome: OutcomeWord | None = Field(description="Outcome of the last attempt.")
    status: int | None = Field(description="The receiver's HTTP status in the last attempt.")
    origin: DeliveryOrigin = Field(description="Cause of the delivery.")
    replay_id: str | None = Field(description="Id of the replay that made it; null otherwise.")


class DeliveryWithAttempts(DeliveryDocument):
    """A delivery and its attempts, the newest first, at most 50."""

    attempt_list: list["AttemptDocument"] = Field(
        description="The attempts, the newest first, at most 50."
    )


class ReplayInput(Command):
    """The selection of the events to send again."""

    since: Moment = Field(alias="from", description="Events received from then on.")
    until: Moment = Field(alias="to", description="And before then.")
    what: Literal["failed", "missing", "all"] = Field(
        "failed",
        description="failed = whose delivery failed for good; missing = that were never sent to"
        " this webhook, or only in deliveries that were cancelled, and match it today; all ="
        " every one that matches it today.",
    )
    rate: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Spreads the deliveries over time, so many a second. What a pause or an outage"
        " keeps back is then sent at the webhook's own pace, within its `rate_limit`.",
    )
    dry_run: bool = Field(False, description="Only count.")


class ReplayDocument(BaseModel):
    """A replay: the events of a period, sent again."""

    id: str | None = Field(description="Id of the replay; null on a dry run.")
    webhook_id: str = Field(description="Id of the webhook.")
    since: datetime = Field(description="Start of the period.")
    until: datetime = Field(description="End of the period.")
    what: Literal["failed", "missing", "all"] = Field(description="The events that were chosen.")
    rate: int | None = Field(
        description="Deliveries a second, as they were spread over time; null if they were not."
    )
    total: int = Field(description="Number of events.")
    created_at: datetime | None = Field(description="Time when it was started; null on a dry run.")
    created_by: str | None = Field(description="Id of who started it.")
    cancelled_at: datetime | None = Field(
        description="Time when it was cancelled; null if it was not."
    )


class ReplayProgress(ReplayDocument):
    """A replay, and the number of its deliveries in each state."""

    counts: dict[str, int] = Field(
        description="Number of deliveries in each state. `held` are those of a webhook that sends"
        " nothing now."
    )


class FilterTest(Command):
    """Event types and a filter to test with recent events."""

    webhook_id: RecordId | None = Field(
        None, description="Compare with what this webhook gets today."
    )
    event_types: Patterns = Field(
        default=["*"], max_length=100, description="Event type filters to test."
    )
    filter: Filter = Field(default={}, max_length=10, description="Filter of the data to test.")


class FilterTestResult(BaseModel):
    """The number of recent events that the tested settings would have matched."""

    events: int = Field(description="Number of events that were looked at: the last 200.")
    matched: int = Field(description="Number of them that match.")
    new: int | None = Field(description="Matched now, and not sent to the webhook as it is.")
    lost: int | None = Field(description="Sent to the webhook as it is, and not matched now.")
    examples: list[str] = Field(description="Ids of up to 5 that matched, newest first.")


class AttemptDocument(BaseModel):
    """One attempt to deliver an event, as the API returns it."""

    id: str = Field(description="Id of the attempt.")
    webhook_id: str = Field(description="Id of the webhook.")
    event_type: str = Field(description="Type of the event.")
    created_at: datetime = Field(description="Time when it began.")
    completed_at: datetime | None = Field(description="Time when it ended.")
    actor_id: str = Field(description="Id of who caused it.")
    actor_name: str = Field(description="Name of who caused it.")
    outcome: OutcomeWord = Field(description="Outcome of the attempt.")
    explanation: str = Field(description="Result, as a sentence.")
    remedy: str = Field(description="Next step to take, as a sentence; may be empty.")
    status: int | None = Field(description="The receiver's HTTP status.")
    url: str = Field(description="Address that was called.")
    request_headers: list[tuple[str, str]] = Field(
        description="Headers that were sent: name and value."
    )
    request_body: str = Field(description="Body that was sent.")
    signed_with: str = Field(description="Fingerprint of the secret of the first signature.")
    signed_content: str = Field(description="The exact text under the signature.")
    response_headers: list[tuple[str, str]] = Field(
        description="Headers that were received: name and value."
    )
    response_body: str = Field(description="Body that was received.")
    response_truncated: bool = Field(description="Only the first 16 KiB were kept.")
    timings: dict[str, Any] = Field(
        description="Milliseconds: dns_ms, connect_ms, tls_ms, wait_ms, read_ms, total_ms."
    )
    address: str | None = Field(description="The IP address that was dialled.")
    tls_version: str | None = Field(description="Version of TLS; null without TLS.")
    certificate_days: int | None = Field(description="Days until the certificate expires.")
