"""0088 stops wait for nobody: whether an application or the acting key still works is checked when
a new record is committed, and no longer by a lock that is held until then.

A process of the release before answers 500 where these checks refuse a commit.
"""

from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0088", "0087"

TABLES = ("api_key", "connector", "webhook")
TRIGGERS = {
    f"{table}_{name}": table for table in TABLES for name in ("of_open_application", "made_by_key")
}


def upgrade() -> None:
    live.lock(*TABLES, mode="SHARE ROW EXCLUSIVE")
    replace("0088", "check_open_application", "check_acting_key", *TRIGGERS)


def downgrade() -> None:
    live.lock(*TABLES)
    for trigger, table in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute("DROP FUNCTION check_open_application, check_acting_key")
