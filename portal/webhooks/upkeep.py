"""Room for what comes, and an end for what is old."""

from sqlalchemy import text

from portal.db import session

DAYS_AHEAD = 14
LONGEST_DAYS = 90
"""Nobody keeps events and deliveries for longer: whole days are dropped after that."""


def make_room() -> None:
    """Make the partitions of the coming days and drop those of long ago, by the owner's
    functions."""
    session.execute(text("SELECT ensure_day_partitions(:days)"), {"days": DAYS_AHEAD})
    session.execute(text("SELECT drop_day_partitions(:days)"), {"days": LONGEST_DAYS + 1})
