"""0070 ids of calls: an id belongs to one key and amount; a budget survives a clock that was ahead.

`previous_start` and `previous_spent_usd` are the period before the one that counts now.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0070", "0069"

BEFORE_0069 = ("admit_calls", "settle_reservation")
CHANGED = ("release_expired", "spend_on_key", "touch_budget")


def upgrade() -> None:
    op.add_column("key_budget", sa.Column("previous_start", sa.DateTime(timezone=True)))
    op.add_column("key_budget", sa.Column("previous_spent_usd", sa.Numeric(18, 9)))
    replace("0070", *BEFORE_0069, *CHANGED)


def downgrade() -> None:
    replace("0034", *BEFORE_0069)
    replace("0069", *CHANGED)
    op.drop_column("key_budget", "previous_spent_usd")
    op.drop_column("key_budget", "previous_start")
