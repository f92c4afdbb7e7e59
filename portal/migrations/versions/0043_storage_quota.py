"""0043 storage quota: estimate the bytes of a tenant's events, deliveries and requests."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0043", "0042"


def upgrade() -> None:
    op.create_table(
        "quota_stored_day",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("up_to", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "day", name="pk_quota_stored_day"),
    )
    tenant_table("quota_stored_day")
    op.create_table(
        "quota_stored",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column(
            "measured_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_quota_stored"),
    )
    tenant_table("quota_stored")


def downgrade() -> None:
    op.drop_table("quota_stored")
    op.drop_table("quota_stored_day")
