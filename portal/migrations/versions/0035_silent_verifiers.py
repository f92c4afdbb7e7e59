"""0035 silent verifiers: a process that verifies keys says how long it answers from memory."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0035", "0034"


def upgrade() -> None:
    op.add_column("key_verifier", sa.Column("stale_seconds", sa.Double()))


def downgrade() -> None:
    op.drop_column("key_verifier", "stale_seconds")
