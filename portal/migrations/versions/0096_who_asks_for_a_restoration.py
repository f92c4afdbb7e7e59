"""0096 who asks for a restoration: it is done only if they may still do it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision, down_revision = "0096", "0095"


def upgrade() -> None:
    op.add_column("connector_check", sa.Column("asker", JSONB()), if_not_exists=True)


def downgrade() -> None:
    op.drop_column("connector_check", "asker")
