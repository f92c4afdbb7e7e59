"""Serve leases in the worker: the engine, and the job that forgets old leases."""

from datetime import timedelta

from sqlalchemy import delete, func, select

from portal.core.jobs import Job, due_by
from portal.database.session import session
from portal.leases.engine import Engine
from portal.leases.models import ConnectorLease

FORGOTTEN_AT_ONCE = 1000
KEEP = timedelta(days=90)


def forget_old(tenant_id: str) -> bool:
    """Delete leases that were given long ago. Tell whether there may be more."""
    old = (
        select(ConnectorLease.id)
        .where(ConnectorLease.tenant_id == tenant_id, ConnectorLease.created_at < func.now() - KEEP)
        .limit(FORGOTTEN_AT_ONCE)
    )
    gone = delete(ConnectorLease).where(
        ConnectorLease.tenant_id == tenant_id, ConnectorLease.id.in_(old)
    )
    return len(session.scalars(gone.returning(ConnectorLease.id)).all()) == FORGOTTEN_AT_ONCE


HOUSEKEEPING = [
    Job(
        "forget old leases",
        forget_old,
        timedelta(hours=1),
        due_by("due_leases", KEEP),
        repeats=True,
    ),
]
ENGINES = [Engine]
