"""0091 replacing itself: a key that rotates itself at once is not refused as a stopped one."""

from portal.migrations.functions import replace

revision, down_revision = "0091", "0090"


def upgrade() -> None:
    replace("0091", "check_acting_key")


def downgrade() -> None:
    replace("0088", "check_acting_key")
