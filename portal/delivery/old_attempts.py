"""Delete attempts after 30 days."""

from datetime import timedelta

from sqlalchemy import delete, func, or_, select

from portal.database.session import session
from portal.records.quotas import stored_bytes
from portal.webhooks.models import DeliveryAttempt

KEEP = timedelta(days=30)
FORGOTTEN_AT_ONCE = 10_000


def forget_old(tenant_id: str) -> bool:
    """Delete the attempts of one tenant that are older than KEEP. Return whether there are more.

    If the tenant keeps its events for a shorter time, the attempts were deleted with their events.
    """
    moment = func.now() - KEEP
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
