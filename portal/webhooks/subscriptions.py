"""Which events a webhook subscribes to, in a side table, and the notices that reach the workers."""

from sqlalchemy import delete, insert, select, text

from portal.database.session import session
from portal.webhooks.models import Subscription, Webhook

CHANNEL = "delivery_due"
WAKE = text(f"SELECT pg_notify('{CHANNEL}', '')")
HALT = text(f"SELECT pg_notify('{CHANNEL}', :webhook)")


def subscribe(webhook: Webhook) -> None:
    """Keep the side table as the webhook's `event_types` say. Call it after every write."""
    of_webhook = (
        Subscription.tenant_id == webhook.tenant_id,
        Subscription.webhook_id == webhook.id,
    )
    wanted = set(webhook.event_types) if webhook.direction == "outbound" else set()
    known = set(session.scalars(select(Subscription.pattern).where(*of_webhook)))
    if gone := known - wanted:
        session.execute(delete(Subscription).where(*of_webhook, Subscription.pattern.in_(gone)))
    if new := sorted(wanted - known):
        key = {"tenant_id": webhook.tenant_id, "webhook_id": webhook.id}
        session.execute(insert(Subscription), [{**key, "pattern": pattern} for pattern in new])


def halt(webhook: Webhook) -> None:
    """Let the workers put back what they took ahead for a webhook that gets nothing from now on.
    What has left already arrives."""
    session.execute(HALT, {"webhook": webhook.id})
