"""0037 inbound marks: count a signed delivery once, whatever its unsigned headers say."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0037", "0036"


def upgrade() -> None:
    op.create_table(
        "inbound_mark",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(40), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", "digest", name="pk_inbound_mark"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_inbound_mark_webhook",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_inbound_mark_expires", "inbound_mark", ["tenant_id", "expires_at"])
    tenant_table("inbound_mark", literal=True)


def downgrade() -> None:
    op.drop_table("inbound_mark")
