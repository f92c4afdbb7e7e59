"""0084 kept answers are stored bytes: measure what is kept for idempotency keys, too.

After a downgrade, the weekly measurement forgets what was measured of them.
"""

from portal.migrations.functions import replace

revision, down_revision = "0084", "0083"


def upgrade() -> None:
    replace("0084", "due_measurements")


def downgrade() -> None:
    replace("0083", "due_measurements")
