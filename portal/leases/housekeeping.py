"""Serve leases in the worker: the engine, and the job that forgets old leases."""

from datetime import timedelta

from sqlalchemy import func

from portal.core.jobs import Job, due_by
from portal.database.session import delete_some
from portal.leases.engine import Engine
from portal.leases.models import ConnectorLease

KEEP = timedelta(days=90)


def forget_old(tenant_id: str) -> int:
    """Delete some leases that were given long ago, and return how many."""
    return delete_some(
        ConnectorLease,
        ConnectorLease.tenant_id == tenant_id,
        ConnectorLease.created_at < func.now() - KEEP,
    )


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
