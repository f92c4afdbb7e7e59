"""0101 search by key: the search for due endpoints looks up each record by its primary key.

By statistics from before there were many webhooks, each search read all of them again and again.
"""

from portal.migrations.functions import replace

revision, down_revision = "0101", "0100"


def upgrade() -> None:
    replace("0101", "next_due_endpoints")


def downgrade() -> None:
    replace("0100", "next_due_endpoints")
