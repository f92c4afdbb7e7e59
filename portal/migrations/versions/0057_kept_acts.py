"""0057 kept acts: a form that waits with its session until the person has signed in again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision, down_revision = "0057", "0056"


def upgrade() -> None:
    op.add_column("web_session", sa.Column("kept_act", JSONB))
    op.add_column("web_session", sa.Column("act_kept_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("web_session", "act_kept_at")
    op.drop_column("web_session", "kept_act")
