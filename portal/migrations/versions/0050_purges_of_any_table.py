"""0050 purges of any table: one question for all records, so that a new table needs no new text."""

from portal.migrations.functions import replace

revision, down_revision = "0050", "0049"


def upgrade() -> None:
    replace("0050", "due_purges")


def downgrade() -> None:
    replace("0047", "due_purges")
