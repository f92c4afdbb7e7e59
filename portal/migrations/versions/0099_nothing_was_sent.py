"""0099 nothing was sent: what our side could not send is not the last delivery of its webhook."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0099", "0098"


def upgrade() -> None:
    op.add_column("endpoint", sa.Column("cannot_sign", sa.String(20)), if_not_exists=True)
    replace("0099", "record_attempts")


def downgrade() -> None:
    replace("0086", "record_attempts")
    op.drop_column("endpoint", "cannot_sign")
