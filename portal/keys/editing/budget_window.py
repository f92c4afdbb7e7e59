"""Move the shared budget of a family of keys to another period.

What was spent and reserved stays counted. The start of the period only moves forward: a verifier
that has not heard yet would take an earlier start for a new period, and begin at zero.
"""

from typing import Any

from sqlalchemy import Update, func, select, text, update

from portal.database.session import session
from portal.identity.models import Tenant
from portal.keys.models import ApiKey, ApiKeyRuntime
from portal.keys.tables import KeyBudget, SpendReservation

TOUCH = text(
    "SELECT period_start FROM touch_budget(:tenant_id, :family_id, :period, :zone,"
    " clock_timestamp())"
)


def move(record: ApiKey, period: str) -> None:
    """Move the budget of the key's family to the calendar of another period.

    It locks the budget, so that no call is admitted or settled in between. The key still has its
    old period: if the budget is due to reset by it, that happens first.
    """
    zone = session.scalars(select(Tenant.time_zone).where(Tenant.id == record.tenant_id)).one()
    family = record.rotation_family_id or record.id
    whose = {"tenant_id": record.tenant_id, "family_id": family}
    before = session.execute(
        TOUCH, {**whose, "period": record.budget_period, "zone": zone}
    ).scalar_one()
    now = session.scalar(select(func.clock_timestamp()))
    new_start, ends = session.execute(
        select(
            func.budget_period_start(period, zone, now), func.budget_period_end(period, zone, now)
        )
    ).one()
    starts = max(before, new_start)
    budget = update(KeyBudget).where(
        KeyBudget.tenant_id == record.tenant_id, KeyBudget.family_id == family
    )
    _run(budget, period_start=starts, period_end=ends)
    held = update(SpendReservation).where(
        SpendReservation.tenant_id == record.tenant_id,
        SpendReservation.family_id == family,
        SpendReservation.period_start == before,
    )
    _run(held, period_start=starts)
    keys = select(ApiKey.id).where(
        ApiKey.tenant_id == record.tenant_id,
        (ApiKey.rotation_family_id == family) | (ApiKey.id == family),
    )
    counted = update(ApiKeyRuntime).where(
        ApiKeyRuntime.tenant_id == record.tenant_id,
        ApiKeyRuntime.key_id.in_(keys),
        func.coalesce(ApiKeyRuntime.spend_period_end > now, True),
    )
    _run(counted, spend_period_end=ends)


def _run(statement: Update, **values: Any) -> None:
    session.execute(statement.values(**values).execution_options(synchronize_session=False))
