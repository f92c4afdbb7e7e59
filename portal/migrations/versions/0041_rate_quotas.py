"""0041 rate quotas: limit and count the requests and events a second of each tenant."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0041", "0040"


def upgrade() -> None:
    number: dict[str, object] = {"nullable": False}
    op.create_table(
        "quota_rate",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("free", sa.Double(), **number),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minute", sa.BigInteger(), **number),
        sa.Column("lent", sa.BigInteger(), **number),
        sa.Column("lent_before", sa.BigInteger(), **number),
        sa.Column("refused_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_quota_rate"),
        # Unlogged: a crash loses counts that are a second old, and no request waits for the disk.
        prefixes=["UNLOGGED"],
        postgresql_with={"fillfactor": "50"},
    )
    tenant_table("quota_rate")
    replace("0041", "lend_rate")


def downgrade() -> None:
    op.execute("DROP FUNCTION lend_rate")
    op.drop_table("quota_rate")
