"""The inbox: a receiver of the tenant's own, for tests.

It consists of an inbound webhook that publishes nothing, and an outbound one that sends to it with
the same secret. They use HTTP like all others, so people see here what a receiver would see.
"""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import aliased

from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.session import database_now, session
from portal.inbound.reception import failure_orders
from portal.inbound.reception.failure_orders import SCHEME
from portal.inbound.reception.reception import LOCK
from portal.records.verbs import change
from portal.webhooks import keyring, service
from portal.webhooks.models import Webhook
from portal.webhooks.schemas import WebhookInput
from portal.webhooks.signing.signature_schemes import fingerprints

NAME, SENDER = "Inbox", "Inbox feed"


@dataclass(frozen=True, slots=True)
class Inbox:
    """The receiving webhook, and the webhook that sends to it, if it still exists."""

    receiver: Webhook
    sender: Webhook | None

    @property
    def is_complete(self) -> bool:
        """Tell whether events are sent to it, signed with a secret that it knows."""
        sender = self.sender
        return sender is not None and (
            sender.secret_fingerprint == self.receiver.secret_fingerprint
        )

    def is_fed_by(self, webhook: Webhook) -> bool:
        """Tell whether this webhook is the one that sends to it."""
        return self.sender is not None and self.sender.id == webhook.id


def find_inbox(actor: Actor) -> Inbox | None:
    """Return the tenant's inbox, if it has one."""
    actor.require("webhooks:read")
    return _existing(actor)


def end_failures(actor: Actor) -> None:
    """End the simulated failures of the inbox. Raises NotFound if the tenant has none."""
    inbox = _existing(actor)
    if inbox is None:
        raise NotFound("There is no inbox yet.")
    failure_orders.end(actor, inbox.receiver)


def _existing(actor: Actor) -> Inbox | None:
    own = Webhook.seen_by(actor).where(Webhook.is_deleted.is_(False)).subquery()
    receiver, sender = aliased(Webhook, own), aliased(Webhook, own.alias())
    query = (
        select(receiver, sender)
        .outerjoin(sender, sender.url == receiver.inbound_url)
        .where(receiver.inbound_scheme == SCHEME)
        .order_by(receiver.id, sender.id)
    )
    found = session.execute(query.limit(1)).one_or_none()
    return Inbox(*found) if found else None


def open_inbox(actor: Actor) -> Inbox:
    """Create the inbox and the webhook that sends to it, or repair an existing one.

    Raises Forbidden for an application's credential, as the inbox would stop with its application;
    Invalid if the portal's own address may not be called from here.
    """
    actor.require("webhooks:write")
    actor.decide_for_tenant()
    # Without the lock, two requests at once would create two inboxes.
    session.execute(LOCK, {"name": f"inbox of {actor.tenant_id}"})
    inbox = _existing(actor)
    if inbox is None:
        body = {"name": NAME, "direction": "inbound", "inbound_scheme": SCHEME}
        inbox = Inbox(service.create(actor, WebhookInput.read(body)).record, None)
    if inbox.sender is not None:
        if not inbox.is_complete:  # the sender's secret was rotated
            _share(actor, inbox.receiver, keyring.open_keys(inbox.sender, database_now())[0])
        return inbox
    sender = {"name": SENDER, "url": inbox.receiver.inbound_url, "event_types": ["*"]}
    made = service.create(actor, WebhookInput.read(sender))
    _share(actor, inbox.receiver, made.once["signing_secret"])
    return Inbox(inbox.receiver, made.record)


def _share(actor: Actor, receiver: Webhook, secret: str) -> None:
    """Store the sender's secret at the receiver, without showing it."""
    keyring.turn(receiver, secret, keep=False)  # the sender signs with its newest at once
    mark = fingerprints(receiver.id, secret)[0]
    values = {"secret_fingerprint": mark, "secret_rotated_at": database_now()}
    change(actor, receiver, values, action="secret_rotated")
