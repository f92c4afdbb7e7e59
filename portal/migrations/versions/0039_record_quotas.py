"""0039 record quotas: limit and count the records of each kind that a tenant has."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0039", "0038"

NEW = ("take_record", "give_back_records")


def upgrade() -> None:
    number: dict[str, object] = {"nullable": False}
    op.create_table(
        "tenant_quota",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.BigInteger(), **number),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint("value >= 1", name="ck_tenant_quota_value"),
        sa.PrimaryKeyConstraint("tenant_id", "name", name="pk_tenant_quota"),
    )
    tenant_table("tenant_quota", rights="SELECT")
    op.create_table(
        "quota_count",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("part", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("live", sa.BigInteger(), **number),
        sa.Column("room", sa.BigInteger(), **number),
        sa.Column("of_limit", sa.BigInteger(), **number),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "part", name="pk_quota_count"),
        postgresql_with={"fillfactor": "50"},
    )
    tenant_table("quota_count")
    replace("0039", *NEW)


def downgrade() -> None:
    for name in NEW:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("quota_count")
    op.drop_table("tenant_quota")
