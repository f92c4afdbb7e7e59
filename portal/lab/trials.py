"""Send an event to a single webhook, through the queue, with retries like any other."""

from portal.core.errors import Conflict, Invalid
from portal.database.actor import Actor
from portal.database.record import find
from portal.delivery.log import resend
from portal.events import service as events
from portal.events.schemas import EventInput
from portal.inbound.inbox import find_inbox
from portal.inbound.reception import failure_orders
from portal.lab.schemas import LabInput
from portal.records.audit import trail as audit
from portal.webhooks import application_status
from portal.webhooks.models import Delivery, Webhook


def send(actor: Actor, webhook_id: str, command: LabInput) -> Delivery:
    """Publish an event for this webhook only, marked `cpod-test: true`, and return its delivery.

    Raises Conflict for a webhook without a URL or one that may not send, Invalid for simulating a
    failure of a receiver other than the inbox, QuotaExceeded and QuotaReached like a publication.
    """
    actor.require("webhooks:write")
    webhook = find(Webhook, actor, webhook_id)
    if webhook.direction != "outbound" or webhook.url is None:
        raise Conflict("This webhook has nowhere to send to.")
    application_status.check_works(webhook)
    events.count(actor, 1)
    if command.failure is not None:
        inbox = find_inbox(actor)
        if inbox is None or not inbox.is_fed_by(webhook):
            words = "Only the inbox fails when it is told to, and this webhook does not send to it."
            raise Invalid.field("failure", words)
        failure_orders.order(actor, inbox.receiver, command.failure, command.times)
    event = EventInput.read({"type": command.event_type, "data": command.data})
    event_id = events.keep_for(actor, webhook.id, event)
    delivery = resend.owe(webhook, event_id, command.event_type, None, "lab")
    noted = {"event_type": (None, command.event_type), "delivery": (None, delivery.id)}
    audit.record(actor, "webhook.tried", webhook, noted)
    return delivery
