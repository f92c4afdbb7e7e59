"""The audit is kept in a partition a month: the next ones are made before they are needed."""

from datetime import timedelta

from sqlalchemy import text

from portal.core.jobs import Job
from portal.database.session import session

MONTHS_AHEAD = 12


def make_room() -> None:
    """Make the partitions of the coming months that are not there yet, by the owner's function."""
    session.execute(text("SELECT ensure_audit_partitions(:months)"), {"months": MONTHS_AHEAD})


HOUSEKEEPING = [Job("make room for the audit", make_room, timedelta(days=1))]
