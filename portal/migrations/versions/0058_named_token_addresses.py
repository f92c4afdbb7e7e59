"""0058 named token addresses: credentials stay with the one that the other side named first."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0058", "0057"


def upgrade() -> None:
    op.add_column("connector_credentials", sa.Column("token_origin", sa.Text), if_not_exists=True)


def downgrade() -> None:
    op.drop_column("connector_credentials", "token_origin")
