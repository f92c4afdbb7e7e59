"""0022 recovered endpoints: when one that was paused by itself resumed by itself."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0022", "0021"


def upgrade() -> None:
    op.add_column("endpoint", sa.Column("recovered_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("endpoint", "recovered_at")
