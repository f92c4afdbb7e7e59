"""0048 subjects alone: events without a subject are not in the index of subjects.

A plan made while a day's events are few could use that index to find an event by its id, and then
read through all events of the tenant of that day.
"""

from alembic import op

from portal.migrations import live

revision, down_revision = "0048", "0047"

COLUMNS = "(tenant_id, subject, id)"
GIVEN = f"{COLUMNS} WHERE subject IS NOT NULL"
DAYS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'event'::regclass ORDER BY 1
"""
IS_DONE = "SELECT indpred IS NOT NULL FROM pg_index WHERE indexrelid = to_regclass(%s)"


def upgrade() -> None:
    with live.in_steps():
        if live.run(IS_DONE, "ix_event_subject")[0][0]:
            return
        for (day,) in live.run(DAYS):
            live.index(f"{day}_subject_idx", f"{day} {GIVEN}")
        with live.transaction("event"):
            live.run("ALTER INDEX ix_event_subject RENAME TO ix_event_subject_before")
            # It takes in the indexes of the days; a day that was made meanwhile is empty.
            live.run(f"CREATE INDEX ix_event_subject ON event {GIVEN}")
            live.run("DROP INDEX ix_event_subject_before")


def downgrade() -> None:
    op.execute("DROP INDEX ix_event_subject")
    op.execute(f"CREATE INDEX ix_event_subject ON event {COLUMNS}")
