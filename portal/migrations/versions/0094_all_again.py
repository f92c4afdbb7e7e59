"""0094 all again: an erasure waits for the measurement of stored bytes that is under way."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0094", "0093"


def upgrade() -> None:
    all_again = sa.Column("all_again", sa.Boolean, server_default="false", nullable=False)
    op.add_column("quota_stored", all_again, if_not_exists=True)


def downgrade() -> None:
    op.drop_column("quota_stored", "all_again")
