"""The table of the event patterns of each webhook, and the notifications that reach the workers."""

from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    TextClause,
    case,
    cast,
    delete,
    func,
    insert,
    select,
    text,
    update,
)

from portal.core.errors import FieldError
from portal.database.session import session
from portal.webhooks.models import Delivery, Endpoint, Subscription, Webhook

CHANNEL = "delivery_due"
WAKE = text(f"SELECT pg_notify('{CHANNEL}', '')")
PLACE = "created_at - interval '1 hour'"
"""The time from which a begun delivery of an ordered webhook is due: before all that wait, also
those of a publication that began earlier and ended later. `record_attempts` has it as well."""

IN_PLACE = text(PLACE)
CANCEL = {
    "state": case((Delivery.state == "in_flight", Delivery.state), else_="cancelled"),
    "completed_at": case((Delivery.state == "in_flight", None), else_=func.now()),
    "cancelled_at": func.now(),
}
"""The values of a delivery that waits and is cancelled. One in flight may still arrive, but the
queue sends it no second time."""

HALT = text(f"SELECT pg_notify('{CHANNEL}', :webhook)")

LARGE_FILTER = 1024  # bytes
LARGE_FILTERS = 8 * 1024**2
"""The bytes of all large filters of a tenant. A publication may have to read them all."""
TOO_MANY_LARGE_FILTERS = (
    f"The filters of this tenant's webhooks that have more than {LARGE_FILTER // 1024} KiB are more"
    f" than {LARGE_FILTERS // 1024**2} MiB together. Give it fewer values, or remove other filters."
)


def filter_problems(
    tenant_id: str, stored: Webhook | None, wanted: dict[str, Any]
) -> list[FieldError]:
    """Return an error if a webhook's new filter makes the large ones of the tenant too many."""
    size = len(orjson.dumps(wanted))
    if size <= LARGE_FILTER or (stored is not None and wanted == stored.filter):
        return []
    of_one = func.octet_length(cast(Webhook.filter, Text))
    query = select(func.sum(of_one)).where(Webhook.tenant_id == tenant_id, of_one > LARGE_FILTER)
    if stored is not None:
        query = query.where(Webhook.id != stored.id)
    others = session.scalar(query) or 0
    return [FieldError("filter", TOO_MANY_LARGE_FILTERS)] if others + size > LARGE_FILTERS else []


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


def sign_again(webhook: Webhook) -> None:
    """Let a webhook that could not sign, and has a new secret now, send what waits: one delivery at
    once, whose outcome is then the webhook's, and the others when they are due."""
    own = (Endpoint.tenant_id == webhook.tenant_id, Endpoint.webhook_id == webhook.id)
    could_not = (
        update(Endpoint)
        .where(*own, Endpoint.cannot_sign.is_not(None))
        .values(not_before=None)  # of an ordered webhook, which waited for its first delivery
        .returning(Endpoint.webhook_id)
        .execution_options(synchronize_session=False)
    )
    if session.execute(could_not).first() is None:
        return
    first = _unlocked_retries(webhook).order_by(Delivery.id).limit(1)
    now = func.least(Delivery.due_at, func.now())
    _make_due(webhook, first, IN_PLACE if webhook.ordered else now)
    session.execute(WAKE)


def put_in_order(webhook: Webhook) -> None:
    """Let the retries of a webhook that is ordered from now on come before all that wait.

    Skip those that a worker has locked: its claim puts them in their place.
    """
    _make_due(webhook, _unlocked_retries(webhook), IN_PLACE)


def _unlocked_retries(webhook: Webhook) -> Select[str]:
    """Return a query that locks the retries of a webhook, but those that a worker has locked."""
    return (
        select(Delivery.id)
        .where(
            Delivery.tenant_id == webhook.tenant_id,
            Delivery.webhook_id == webhook.id,
            Delivery.state == "retrying",
        )
        .with_for_update(skip_locked=True)
    )


def _make_due(
    webhook: Webhook, wanted: Select[str], due_at: ColumnElement[datetime] | TextClause
) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == webhook.tenant_id, Delivery.id.in_(wanted.scalar_subquery()))
        .values(due_at=due_at)
        .execution_options(synchronize_session=False)
    )
