"""0021 key notices: what was told of a key ahead of time, so that it is told once."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0021", "0020"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "key_notice",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("about", MOMENT, nullable=False),
        sa.Column("told_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", "what", "about", name="pk_key_notice"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_key_notice_key",
            ondelete="CASCADE",
        ),
    )
    tenant_table("key_notice")


def downgrade() -> None:
    op.drop_table("key_notice")
