"""Simulated failures: the inbox answers its next requests as a failing receiver would.

With them people can watch a real retry: with the engine, the network and the wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from portal.database.actor import Actor
from portal.database.session import session
from portal.inbound.models import InboxFailure
from portal.webhooks.models import Webhook

SCHEME = "inbox"
MOST = 20
FailureName = Literal["500", "503", "429", "404", "410"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A simulated failure: the status of the response, and its Retry-After in seconds."""

    title: str
    status: int
    retry_after: int | None = None


FAILURES: Mapping[str, Failure] = {
    "500": Failure("500, a fault of its own", 500),
    "503": Failure("503, Retry-After: 10", 503, 10),
    "429": Failure("429, Retry-After: 15", 429, 15),
    "404": Failure("404, nothing there", 404),
    "410": Failure("410, gone for good: the webhook pauses", 410),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A requested failure, and the number of requests that will still get it."""

    failure: Failure
    remaining: int


def order(actor: Actor, receiver: Webhook, name: FailureName, times: int) -> None:
    """Make the inbox fail the next `times` genuine requests; with 0 it fails none."""
    actor.require("webhooks:write")
    key = {"tenant_id": receiver.tenant_id, "webhook_id": receiver.id}
    values = {"name": name, "remaining": times}
    session.execute(
        insert(InboxFailure)
        .values(**key, **values)
        .on_conflict_do_update(index_elements=list(key), set_=values)
    )


def end(actor: Actor, receiver: Webhook) -> None:
    """End the simulated failures of the inbox."""
    actor.require("webhooks:write")
    key = {"tenant_id": receiver.tenant_id, "webhook_id": receiver.id}
    session.execute(delete(InboxFailure).filter_by(**key))


def ordered(actor: Actor, receiver: Webhook) -> Order | None:
    """Return the failure that is still to be simulated; None if there is none."""
    actor.require("webhooks:read")
    found = session.scalar(
        select(InboxFailure).where(
            InboxFailure.tenant_id == receiver.tenant_id,
            InboxFailure.webhook_id == receiver.id,
            InboxFailure.remaining > 0,
        )
    )
    return Order(FAILURES[found.name], found.remaining) if found else None


def take(receiver: Webhook) -> Failure | None:
    """Use up one of the requested failures and return it, for the current request; None if there is
    none."""
    if receiver.inbound_scheme != SCHEME:
        return None
    one_less = (
        update(InboxFailure)
        .where(
            InboxFailure.tenant_id == receiver.tenant_id,
            InboxFailure.webhook_id == receiver.id,
            InboxFailure.remaining > 0,
        )
        .values(remaining=InboxFailure.remaining - 1)
        .returning(InboxFailure.name)
        .execution_options(synchronize_session=False)
    )
    name = session.scalar(one_less)
    return FAILURES[name] if name else None
