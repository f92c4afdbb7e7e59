"""0071 pauses by hand: no probe ends them; and attempts that were not made and seconds of a clock
that was ahead count no more."""

from portal.migrations.functions import replace

revision, down_revision = "0071", "0069"


def upgrade() -> None:
    replace("0071", "due_endpoints", "silent_endpoints", "lease_deliveries", "record_attempts")


def downgrade() -> None:
    replace("0042", "due_endpoints", "silent_endpoints")
    replace("0067", "lease_deliveries")
    replace("0068", "record_attempts")
