"""0019 reported leaks: where a key was found in public, and what the tenant wants done then."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0019", "0018"

MOMENT = sa.DateTime(timezone=True)
RESPONSES = "response IN ('notify', 'block', 'revoke')"


def upgrade() -> None:
    op.create_table(
        "key_leak",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("reporter", sa.String(20), nullable=False),
        sa.Column("place", sa.String(40)),
        sa.Column("url", sa.String(2000)),
        sa.Column("response", sa.String(10), nullable=False),
        sa.Column("reported_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.Column("settled_at", MOMENT),
        sa.Column("settled_by", sa.String(80)),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", "digest", name="pk_key_leak"),
        sa.CheckConstraint(RESPONSES, name="ck_key_leak_response"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_key_leak_key",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_key_leak_age", "key_leak", ["tenant_id", "reported_at"])
    op.create_index(
        "ix_key_leak_open",
        "key_leak",
        ["tenant_id", "reported_at"],
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    tenant_table("key_leak")
    op.create_table(
        "key_leak_policy",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("response", sa.String(10), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "about", name="pk_key_leak_policy"),
        sa.CheckConstraint(RESPONSES, name="ck_key_leak_policy_response"),
        sa.CheckConstraint(
            "about IN ('default', 'github', 'scanner', 'user', 'service', 'virtual_llm')",
            name="ck_key_leak_policy_about",
        ),
    )
    tenant_table("key_leak_policy")


def downgrade() -> None:
    op.drop_table("key_leak_policy")
    op.drop_table("key_leak")
