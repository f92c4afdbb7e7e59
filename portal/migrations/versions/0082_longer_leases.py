"""0082 longer leases: a key that is called every second is lent requests for ten seconds, not for
two."""

from portal.migrations.functions import replace

revision, down_revision = "0082", "0081"


def upgrade() -> None:
    replace("0082", "admit_calls")


def downgrade() -> None:
    replace("0078", "admit_calls")
