"""The table of the event patterns of each webhook, and the notifications that reach the workers."""

from sqlalchemy import delete, insert, select, text, update

from portal.database.session import session
from portal.webhooks.models import Delivery, Subscription, Webhook

CHANNEL = "delivery_due"
WAKE = text(f"SELECT pg_notify('{CHANNEL}', '')")
PLACE = "created_at - interval '1 hour'"
"""The time from which a begun delivery of an ordered webhook is due: before all that wait, also
those of a publication that began earlier and ended later. `record_attempts` has it as well."""

IN_PLACE = text(PLACE)
HALT = text(f"SELECT pg_notify('{CHANNEL}', :webhook)")


def subscribe(webhook: Webhook) -> None:
    """Make the rows in webhook_subscription match the webhook's `event_types`. Call it after every
    write."""
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
    """Notify the workers to release the deliveries that they have claimed for a webhook that
    receives nothing from now on. Requests that were already sent still arrive."""
    session.execute(HALT, {"webhook": webhook.id})


def put_in_order(webhook: Webhook) -> None:
    """Let the retries of a webhook that is ordered from now on come before all that wait.

    Skip those that a worker has locked: its claim puts them in their place.
    """
    retries = (
        select(Delivery.id)
        .where(
            Delivery.tenant_id == webhook.tenant_id,
            Delivery.webhook_id == webhook.id,
            Delivery.state == "retrying",
        )
        .with_for_update(skip_locked=True)
    )
    session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == webhook.tenant_id, Delivery.id.in_(retries))
        .values(due_at=IN_PLACE)
        .execution_options(synchronize_session=False)
    )
