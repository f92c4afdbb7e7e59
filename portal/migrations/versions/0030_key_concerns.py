"""0099 key concerns: weaknesses of keys that cost too much to be found while somebody waits."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0030", "0029"


def upgrade() -> None:
    op.create_table(
        "key_concern",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("concern", sa.String(20), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "concern", "key_id", name="pk_key_concern"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_key_concern_key",
            ondelete="CASCADE",
        ),
    )
    tenant_table("key_concern")


def downgrade() -> None:
    op.drop_table("key_concern")
