"""0071 pauses by hand: no probe ends them, and an attempt that was not made does not count."""

from portal.migrations.functions import replace

revision, down_revision = "0071", "0070"


def upgrade() -> None:
    replace("0071", "due_endpoints", "silent_endpoints", "lease_deliveries", "record_attempts")


def downgrade() -> None:
    replace("0042", "due_endpoints", "silent_endpoints")
    replace("0067", "lease_deliveries")
    replace("0068", "record_attempts")
