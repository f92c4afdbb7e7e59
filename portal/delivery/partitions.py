"""Room for what comes, and an end for what is old."""

from collections import Counter

from sqlalchemy import ColumnElement, delete, func, select, text, update

from portal.database.session import session
from portal.delivery.health import safe_pause
from portal.events import settings
from portal.records.quotas import stored_bytes
from portal.webhooks.models import WAITING, Delivery, DeliveryAttempt

DAYS_AHEAD = 14
FORGOTTEN_AT_ONCE = 10_000
LONGEST_DAYS = 90
"""Nobody keeps events and deliveries for longer: whole days are dropped after that."""


def make_room() -> None:
    """Make the partitions of the coming days and drop those of long ago, by the owner's
    functions."""
    session.execute(text("SELECT ensure_day_partitions(:days)"), {"days": DAYS_AHEAD})
    session.execute(text("SELECT drop_day_partitions(:days)"), {"days": LONGEST_DAYS + 1})


def forget_old(tenant_id: str) -> bool:
    """Drop deliveries that are older than the tenant keeps them, with what was sent and answered;
    what of them still waits ends as expired first, so that it is seen for a day. Gives whether
    there are more."""
    days = settings.of_days(tenant_id)
    more = expire(tenant_id, days)
    ids = _older(tenant_id, days + 1)
    for model, column in ((Delivery, Delivery.id), (DeliveryAttempt, DeliveryAttempt.delivery_id)):
        session.execute(
            delete(model)
            .where(model.tenant_id == tenant_id, column.in_(ids))
            .execution_options(synchronize_session=False)
        )
    if ids:
        stored_bytes.measure_soon(tenant_id)
    return more or len(ids) == FORGOTTEN_AT_ONCE


def expire(tenant_id: str, days: int) -> bool:
    """Give up what waits for longer than so many days, and tell whose it was; whether there is
    more of it."""
    on_its_way = (Delivery.state == "in_flight") & (Delivery.due_at > func.now())
    waits = Delivery.state.in_(WAITING) & ~on_its_way
    given_up = session.scalars(
        update(Delivery)
        .where(Delivery.tenant_id == tenant_id, Delivery.id.in_(_older(tenant_id, days, waits)))
        .where(waits)
        .values(state="expired", completed_at=func.now())
        .returning(Delivery.webhook_id)
        .execution_options(synchronize_session=False)
    )
    counts = Counter(given_up)
    for webhook_id, count in sorted(counts.items()):
        safe_pause.gave_up(safe_pause.engine_actor(tenant_id), webhook_id, count)
    return counts.total() == FORGOTTEN_AT_ONCE


def _older(tenant_id: str, days: int, *which: ColumnElement[bool]) -> list[str]:
    """Deliveries of more than so many days ago, by their ids and by the database's clock: an id
    has its time from the machine that made it, whose clock may be wrong."""
    moment = func.now() - func.make_interval(0, 0, 0, days)
    old = select(Delivery.id).where(
        Delivery.tenant_id == tenant_id,
        Delivery.id < func.ulid_floor("dlv", moment),
        Delivery.created_at < moment,
        *which,
    )
    return list(session.scalars(old.order_by(Delivery.id).limit(FORGOTTEN_AT_ONCE)))
