"""0098 tokens end with sessions: a person's access token from before their sessions were ended is
refused."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0098", "0097"


def upgrade() -> None:
    ended_at = sa.Column("sessions_ended_at", sa.DateTime(timezone=True))
    op.add_column("person", ended_at, if_not_exists=True)


def downgrade() -> None:
    op.drop_column("person", "sessions_ended_at")
