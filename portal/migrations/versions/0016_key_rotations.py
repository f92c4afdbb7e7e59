"""0016 key rotations: which key follows which, until when both open; and how tokens are signed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.tenancy import shared_table, tenant_table

revision, down_revision = "0016", "0015"

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "key_rotation",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("old_key_id", sa.String(40), nullable=False),
        sa.Column("new_key_id", sa.String(40), nullable=False),
        sa.Column("overlap", sa.String(20), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finish_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_key_rotation"),
    )
    op.create_index(
        "ix_key_rotation_running",
        "key_rotation",
        ["tenant_id", "started_at"],
        postgresql_where=sa.text("finished_at IS NULL"),
    )
    tenant_table("key_rotation")
    # Of no tenant: one portal signs for all. The private half is sealed with the store's key.
    op.create_table(
        "token_signing_key",
        sa.Column("id", sa.String(60), nullable=False),
        sa.Column("public_jwk", postgresql.JSONB(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", MOMENT, server_default=sa.func.now(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_token_signing_key"),
    )
    shared_table("token_signing_key", rights="SELECT, INSERT, DELETE")


def downgrade() -> None:
    op.drop_table("token_signing_key")
    op.drop_table("key_rotation")
