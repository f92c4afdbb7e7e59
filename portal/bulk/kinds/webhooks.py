"""Declare what can be done to many webhooks."""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from portal.bulk.acts import Act, Kind, Tagged, deleting, editing, switching
from portal.database.actor import Actor
from portal.delivery.health import safe_pause
from portal.records.schemas import Command
from portal.webhooks import service
from portal.webhooks.models import Webhook
from portal.webhooks.resource import resource


class ResumeMany(Command):
    """The choice of what happens to the events that were held."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    choice: Literal["all", "newest_per_subject"] = "all"
    """all: send everything. newest_per_subject: of each subject the newest event alone."""


class EditWebhooks(Tagged):
    """The settings to give to webhooks. A field that is left out stays as each webhook has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    rate_limit: Annotated[int, Field(ge=1, le=1000)] | None = None
    """Deliveries a second, at most; null for no limit."""


def _not_to_pause(row: Any, command: Any) -> str:
    if row.direction != "outbound":
        return "It is inbound, so nothing is sent to it."
    return "It is paused already." if row.paused_at else ""


def _not_to_resume(row: Any, command: Any) -> str:
    return "" if row.paused_at else "It is not paused."


def _not_to_enable(row: Any, command: Any) -> str:
    if row.direction != "outbound" or (row.url and row.event_types):
        return ""
    return "It has no target URL." if not row.url else "It has no events."


# Not `manual_pause`: that one commits, and waits until the workers have heard of each.
def _pause(actor: Actor, webhook: Webhook, command: Any) -> Webhook:
    return safe_pause.pause(actor, webhook.id)


def _resume(actor: Actor, webhook: Webhook, command: ResumeMany) -> Webhook:
    return safe_pause.resume(actor, webhook.id, command.choice)


def _switch(actor: Actor, webhook_id: str, is_on: bool) -> Webhook:
    return service.switch(actor, webhook_id, on=is_on)


WRITE = "webhooks:write"
ACTS = (
    Act("pause", "Pause", "paused", WRITE, _pause,
        "Their events are held until somebody resumes them.",
        reads=("direction", "paused_at"), cannot=_not_to_pause),
    Act("resume", "Resume", "resumed", WRITE, _resume,
        "The held events are sent.", ResumeMany, ("paused_at",), _not_to_resume),
    editing(resource, "The next delivery uses the new settings.", EditWebhooks),
    *switching(resource, _switch,
               "They get the events that are published from then on.",
               "Only test events are sent to them.",
               _not_to_enable, ("direction", "url", "event_types")),
    deleting(resource,
             "Nothing is sent to them any more. They can be restored for 30 days."),
)  # fmt: skip
KIND = Kind(
    resource,
    listing=resource.listing,
    label="name",
    page="webhooks",
    # One in a transaction: workers claim and record deliveries of many webhooks together, and must
    # not wait for one that waits for them with another.
    acts=tuple(replace(act, at_once=1) for act in ACTS),
)
