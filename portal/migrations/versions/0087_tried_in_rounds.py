"""0087 tried in rounds: requests in quarantine keep when they were last verified again."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0087", "0086"


def upgrade() -> None:
    tried_at = sa.Column("tried_at", sa.DateTime(timezone=True))
    op.add_column("inbound_request", tried_at, if_not_exists=True)


def downgrade() -> None:
    op.drop_column("inbound_request", "tried_at")
