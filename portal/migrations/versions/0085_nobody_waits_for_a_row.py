"""0085 nobody waits for a row: a call whose rows another transaction has changed delays no other
call, and tokens that were not used are given back of the call that began a lease."""

from portal.migrations.functions import replace

revision, down_revision = "0085", "0084"


def upgrade() -> None:
    replace("0085", "touch_budget", "admit_calls")


def downgrade() -> None:
    replace("0082", "admit_calls")
    replace("0075", "touch_budget")
