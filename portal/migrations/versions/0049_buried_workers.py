"""0049 buried workers: one that the others took for gone learns of it, whatever it is left with."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0049", "0048"


def upgrade() -> None:
    op.add_column("delivery_worker", sa.Column("buried_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("delivery_worker", "buried_at")
