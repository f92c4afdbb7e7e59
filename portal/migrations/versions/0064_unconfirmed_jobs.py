"""0064 unconfirmed jobs: forget replaced and discarded previews after a day, too."""

from portal.migrations.functions import replace

revision, down_revision = "0064", "0063"


def upgrade() -> None:
    replace("0064", "due_old_bulk_jobs")


def downgrade() -> None:
    replace("0063", "due_old_bulk_jobs")
