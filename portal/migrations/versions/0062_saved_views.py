"""0062 saved views: people keep the filters, order and columns of a list under a name."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0062", "0061"

LISTS = "('applications', 'connectors', 'api-keys', 'webhooks', 'event-types')"


def upgrade() -> None:
    now = {"server_default": sa.func.now(), "nullable": False}
    op.create_table(
        "saved_view",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("list", sa.String(20), nullable=False),
        sa.Column("owner_id", sa.String(80), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("parameters", JSONB, nullable=False),
        sa.Column("is_shared", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("is_default", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("position", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), **now),
        sa.Column("updated_at", sa.DateTime(timezone=True), **now),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_saved_view"),
        sa.CheckConstraint(f"list IN {LISTS}", name="ck_saved_view_list"),
    )
    op.create_index("ix_saved_view_owner", "saved_view", ["tenant_id", "list", "owner_id"])
    op.create_index(
        "ix_saved_view_shared",
        "saved_view",
        ["tenant_id", "list", "id"],
        postgresql_where=sa.text("is_shared"),
    )
    tenant_table("saved_view", literal=True)


def downgrade() -> None:
    op.drop_table("saved_view")
