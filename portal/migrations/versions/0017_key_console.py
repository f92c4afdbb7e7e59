"""0017 key console: sealed keys, the answer to a leak, an index for each question of the list.

When a key was last used and what it spent change all the time; the list is sorted by the day and by
the whole dollar, so that these indexes are written once a day and once a dollar.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import credential_policy, tenant_table

revision, down_revision = "0017", "0016"

MOMENT = sa.DateTime(timezone=True)
NEVER = "'0001-01-01 00:00:00+00'::timestamptz"
DAY = f"coalesce(timezone('UTC', date_trunc('day', timezone('UTC', last_used_at))), {NEVER})"
UNRESTRICTED = (
    "revoked_at IS NULL AND rpm_limit IS NULL AND tpm_limit IS NULL AND max_uses IS NULL"
    " AND max_budget_usd IS NULL AND allowed_ips = '[]'"
)
PARTIAL = {
    "ix_api_key_unrestricted": UNRESTRICTED,
    "ix_api_key_no_budget": "revoked_at IS NULL AND max_budget_usd IS NULL",
    "ix_api_key_endless": "revoked_at IS NULL AND expires_at IS NULL",
}


def upgrade() -> None:
    op.add_column(
        "api_key_runtime",
        sa.Column("used_on", MOMENT, sa.Computed(DAY, persisted=True), nullable=False),
    )
    op.add_column(
        "api_key_runtime",
        sa.Column(
            "spend_whole",
            sa.BigInteger(),
            sa.Computed("trunc(spend_usd)::bigint", persisted=True),
            nullable=False,
        ),
    )
    op.create_index(
        "ix_api_key_runtime_used_on", "api_key_runtime", ["tenant_id", "used_on", "key_id"]
    )
    op.create_index(
        "ix_api_key_runtime_spend", "api_key_runtime", ["tenant_id", "spend_whole", "key_id"]
    )
    for name, condition in PARTIAL.items():
        op.create_index(name, "api_key", ["tenant_id", "id"], postgresql_where=sa.text(condition))
    op.create_table(
        "sealed_key",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(10), nullable=False),
        sa.Column("secret_hash", sa.String(64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_sealed_key"),
        sa.CheckConstraint("purpose IN ('link', 'replay')", name="ck_sealed_key_purpose"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_sealed_key_key",
            ondelete="CASCADE",
        ),
    )
    op.create_index("uq_sealed_key_secret_hash", "sealed_key", ["secret_hash"], unique=True)
    op.create_index("ix_sealed_key_key", "sealed_key", ["tenant_id", "key_id"])
    tenant_table("sealed_key")
    credential_policy("sealed_key", "secret_hash")


def downgrade() -> None:
    op.drop_table("sealed_key")
    for name in PARTIAL:
        op.drop_index(name, "api_key")
    op.drop_index("ix_api_key_runtime_spend", "api_key_runtime")
    op.drop_index("ix_api_key_runtime_used_on", "api_key_runtime")
    op.drop_column("api_key_runtime", "spend_whole")
    op.drop_column("api_key_runtime", "used_on")
