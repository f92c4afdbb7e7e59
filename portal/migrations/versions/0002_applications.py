"""0002 applications: what is registered to integrate."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import envelope
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    op.create_table(
        "application",
        *envelope(),
        sa.Column("display_name", sa.String(200), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("kind", sa.String(20), server_default="app", nullable=False),
        sa.Column("primary_domain", sa.String(200)),
        sa.Column("description", sa.Text()),
        sa.Column("oauth_client_id", sa.String(200)),
        sa.Column("status", sa.String(20), server_default="active", nullable=False),
        sa.Column("canonical_owner_of", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("api_base_path", sa.String(200)),
        sa.Column("repository", sa.String(500)),
        sa.Column("name_key", sa.Text(), sa.Computed("lower(display_name)", persisted=True)),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_application"),
        sa.UniqueConstraint("tenant_id", "slug", name="uq_application_slug"),
        sa.UniqueConstraint("tenant_id", "oauth_client_id", name="uq_application_oauth_client_id"),
        sa.CheckConstraint(
            "kind IN ('app', 'platform-service', 'library')", name="ck_application_kind"
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'active', 'deprecated', 'suspended', 'retired')",
            name="ck_application_status",
        ),
    )
    op.create_index("ix_application_name", "application", ["tenant_id", "name_key", "id"])
    op.create_index("ix_application_updated", "application", ["tenant_id", "updated_at", "id"])
    tenant_table("application")


def downgrade() -> None:
    op.drop_table("application")
