"""0086 not sent again: a delivery that is cancelled in flight is not retried."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0086", "0085"


def upgrade() -> None:
    cancelled_at = sa.Column("cancelled_at", sa.DateTime(timezone=True))
    op.add_column("delivery", cancelled_at, if_not_exists=True)
    replace("0086", "record_attempts", "lease_deliveries")


def downgrade() -> None:
    replace("0072", "record_attempts")
    replace("0071", "lease_deliveries")
    op.drop_column("delivery", "cancelled_at")
