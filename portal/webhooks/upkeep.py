"""Room for what comes, and an end for what is old."""

from typing import Any

from sqlalchemy import delete, func, select, text, update

from portal.db import session
from portal.events import settings
from portal.webhooks.models import WAITING, Delivery

DAYS_AHEAD = 14
FORGOTTEN_AT_ONCE = 10_000
LONGEST_DAYS = 90
"""Nobody keeps events and deliveries for longer: whole days are dropped after that."""


def make_room() -> None:
    """Make the partitions of the coming days and drop those of long ago, by the owner's
    functions."""
    session.execute(text("SELECT ensure_day_partitions(:days)"), {"days": DAYS_AHEAD})
    session.execute(text("SELECT drop_day_partitions(:days)"), {"days": LONGEST_DAYS + 1})


def forget_old(tenant_id: str) -> int:
    """Drop the deliveries that are older than the tenant keeps them; what of them still waits
    ends as expired first, so that it is seen for a day."""
    days = settings.of_days(tenant_id)
    of_tenant = Delivery.tenant_id == tenant_id
    session.execute(
        update(Delivery)
        .where(of_tenant, Delivery.id < _floor(days), Delivery.state.in_(WAITING))
        .values(state="expired", completed_at=func.now())
        .execution_options(synchronize_session=False)
    )
    old = select(Delivery.id).where(of_tenant, Delivery.id < _floor(days + 1))
    ids = list(session.scalars(old.order_by(Delivery.id).limit(FORGOTTEN_AT_ONCE)))
    session.execute(
        delete(Delivery)
        .where(of_tenant, Delivery.id.in_(ids))
        .execution_options(synchronize_session=False)
    )
    return len(ids)


def _floor(days: int) -> Any:
    """The id that a delivery of so many days ago would have at least."""
    return func.ulid_floor("dlv", func.now() - func.make_interval(0, 0, 0, days))
