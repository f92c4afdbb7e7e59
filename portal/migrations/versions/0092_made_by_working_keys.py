"""0092 made by working keys: applications and event types that a key makes are refused, too, if it
has been stopped when they are committed.

A process of the release before answers 500 where this check refuses a commit.
"""

from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0092", "0091"

TABLES = ("application", "event_type")
TRIGGERS = {f"{table}_made_by_key": table for table in TABLES}


def upgrade() -> None:
    live.lock(*TABLES, mode="SHARE ROW EXCLUSIVE")
    replace("0092", *TRIGGERS)


def downgrade() -> None:
    live.lock(*TABLES)
    for trigger, table in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
