"""0071 pauses by hand: no probe ends them."""

from portal.migrations.functions import replace

revision, down_revision = "0071", "0069"


def upgrade() -> None:
    replace("0071", "due_endpoints", "silent_endpoints")


def downgrade() -> None:
    replace("0042", "due_endpoints", "silent_endpoints")
