"""NNNN contacts: whom to ask about an application."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import record_table

revision = "NNNN"
down_revision = f"{int(revision) - 1:04d}"

INDEXES = {
    "ix_contact_name": "name_key",
    "ix_contact_updated": "updated_at",
    "ix_contact_team": "team",
    "ix_contact_application": "application_id",
}


def upgrade() -> None:
    record_table(
        "contact",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("team", sa.String(20), server_default="operations", nullable=False),
        sa.Column("notes", sa.Text()),
        sa.Column("tags", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("application_id", sa.String(40)),
        sa.Column(
            "name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=False
        ),
        sa.CheckConstraint(
            "team IN ('business', 'operations', 'security')", name="ck_contact_team"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_contact_application",
        ),
    )
    for name, column in INDEXES.items():
        op.create_index(name, "contact", ["tenant_id", column, "id"])


def downgrade() -> None:
    op.drop_table("contact")
