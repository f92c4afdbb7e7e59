"""Create partitions for the coming days, and delete old deliveries and attempts."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, text, update

from portal.core.jobs import TABLE_LOCK_SECONDS
from portal.database.actor import Actor
from portal.database.session import session, wait_for_locks
from portal.delivery.health import safe_pause
from portal.events import settings
from portal.records.quotas import stored_bytes
from portal.webhooks.models import WAITING, Delivery, DeliveryAttempt, DeliveryHour, Webhook

DAYS_AHEAD = 14
FORGOTTEN_AT_ONCE = 10_000
KEEP_ATTEMPTS = timedelta(days=30)
LONGEST_DAYS = 90
"""No tenant keeps events and deliveries for longer: after that, whole days are dropped."""


def make_room() -> None:
    """Create the partitions of the coming days and drop the old ones, through the owner's
    functions."""
    wait_for_locks(TABLE_LOCK_SECONDS)
    session.execute(text("SELECT ensure_day_partitions(:days)"), {"days": DAYS_AHEAD})
    session.execute(text("SELECT drop_day_partitions(:days)"), {"days": LONGEST_DAYS + 1})


def forget_old(tenant_id: str) -> bool:
    """Delete the deliveries that are older than the tenant keeps them, with their attempts.
    Deliveries that still wait expire first, one day earlier, so that people see it. Return whether
    there are more."""
    days = settings.of_days(tenant_id)
    more = expire(tenant_id, days)
    ids = _older(tenant_id, days + 1, Delivery.state.not_in(WAITING))
    _delete(tenant_id, ids)
    if ids:
        old = DeliveryHour.hour < func.now() - func.make_interval(0, 0, 0, days + 1)
        session.execute(delete(DeliveryHour).where(DeliveryHour.tenant_id == tenant_id, old))
        stored_bytes.measure_soon(tenant_id)
    return more or len(ids) == FORGOTTEN_AT_ONCE


def forget_of_webhooks(actor: Actor, webhook_ids: Sequence[str]) -> Sequence[str]:
    """Delete the deliveries of webhooks that are purged, with their attempts. Return the webhooks
    that have none left; the others wait for the next run."""
    theirs = (Delivery.tenant_id == actor.tenant_id, Delivery.webhook_id.in_(webhook_ids))
    ids = session.scalars(select(Delivery.id).where(*theirs).limit(FORGOTTEN_AT_ONCE)).all()
    if not ids:
        return webhook_ids
    _delete(actor.tenant_id, ids)
    stored_bytes.measure_anew(actor.tenant_id)
    has_some = exists().where(
        Delivery.tenant_id == Webhook.tenant_id, Delivery.webhook_id == Webhook.id
    )
    of_these = Webhook.tenant_id == actor.tenant_id, Webhook.id.in_(webhook_ids)
    return session.scalars(select(Webhook.id).where(*of_these, ~has_some)).all()


def _delete(tenant_id: str, ids: Sequence[str]) -> None:
    for model, column in ((Delivery, Delivery.id), (DeliveryAttempt, DeliveryAttempt.delivery_id)):
        session.execute(
            delete(model)
            .where(model.tenant_id == tenant_id, column.in_(ids))
            .execution_options(synchronize_session=False)
        )


def forget_old_attempts(tenant_id: str) -> bool:
    """Delete a tenant's attempts that are older than KEEP_ATTEMPTS. Return whether there are more.

    If the tenant keeps its events for a shorter time, the attempts were deleted with their events.
    """
    moment = func.now() - KEEP_ATTEMPTS
    of_tenant = DeliveryAttempt.tenant_id == tenant_id
    old = or_(
        (DeliveryAttempt.id >= "att") & (DeliveryAttempt.id < func.ulid_floor("att", moment)),
        DeliveryAttempt.delivery_id.is_(None) & (DeliveryAttempt.created_at < moment),
    )
    ids = list(
        session.scalars(select(DeliveryAttempt.id).where(of_tenant, old).limit(FORGOTTEN_AT_ONCE))
    )
    session.execute(
        delete(DeliveryAttempt)
        .where(of_tenant, DeliveryAttempt.id.in_(ids))
        .execution_options(synchronize_session=False)
    )
    if ids:
        stored_bytes.measure_soon(tenant_id)
    return len(ids) == FORGOTTEN_AT_ONCE


def expire(tenant_id: str, days: int) -> bool:
    """Expire the deliveries that have waited for more than `days` days, and report it to their
    webhooks. Return whether there are more.

    It locks webhooks and endpoints first, as a resume does. Deliveries that others have locked wait
    for the next time: a claim or a record has them, and locks the endpoint afterwards.
    """
    on_its_way = (Delivery.state == "in_flight") & (Delivery.due_at > func.now())
    waits = Delivery.state.in_(WAITING) & ~on_its_way
    ids = _older(tenant_id, days, waits)
    old = (Delivery.tenant_id == tenant_id, Delivery.id.in_(ids))
    webhooks = session.scalars(select(Delivery.webhook_id).where(*old).distinct())
    safe_pause.lock_endpoints(tenant_id, webhooks)
    free = session.scalars(select(Delivery.id).where(*old, waits).with_for_update(skip_locked=True))
    given_up = session.scalars(
        update(Delivery)
        .where(Delivery.tenant_id == tenant_id, Delivery.id.in_(free.all()))
        .values(state="expired", completed_at=func.now())
        .returning(Delivery.webhook_id)
        .execution_options(synchronize_session=False)
    )
    for webhook_id, count in sorted(Counter(given_up).items()):
        safe_pause.gave_up(safe_pause.engine_actor(tenant_id), webhook_id, count)
    return len(ids) == FORGOTTEN_AT_ONCE


def _older(tenant_id: str, days: int, *which: ColumnElement[bool]) -> list[str]:
    """Return the ids of deliveries older than `days` days. Both the id and the database's time are
    checked: the time in an id comes from the machine that made it, whose clock may be wrong."""
    moment = func.now() - func.make_interval(0, 0, 0, days)
    old = select(Delivery.id).where(
        Delivery.tenant_id == tenant_id,
        Delivery.id < func.ulid_floor("dlv", moment),
        Delivery.created_at < moment,
        *which,
    )
    return list(session.scalars(old.order_by(Delivery.id).limit(FORGOTTEN_AT_ONCE)))
