"""The job that creates the monthly partitions of the audit log before they are needed."""

from datetime import timedelta

from sqlalchemy import text

from portal.core.jobs import TABLE_LOCK_SECONDS, Job
from portal.database.session import session, wait_for_locks

MONTHS_AHEAD = 12


def make_room() -> None:
    """Create the missing partitions of the coming months with the database owner's function."""
    wait_for_locks(TABLE_LOCK_SECONDS)
    session.execute(text("SELECT ensure_audit_partitions(:months)"), {"months": MONTHS_AHEAD})


HOUSEKEEPING = [Job("make room for the audit", make_room, timedelta(days=1))]
