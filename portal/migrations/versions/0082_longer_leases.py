"""0082 longer leases: what a process wants is measured for ten seconds, so a key with a high limit
is lent requests for as long more often."""

from portal.migrations.functions import replace

revision, down_revision = "0082", "0081"


def upgrade() -> None:
    replace("0082", "admit_calls")


def downgrade() -> None:
    replace("0078", "admit_calls")
