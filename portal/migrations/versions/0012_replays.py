"""0012 replays: what was sent again on purpose, and how long a tenant keeps what it publishes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0012", "0011"


def _moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), **options)  # type: ignore[arg-type]


def upgrade() -> None:
    op.create_table(
        "webhook_replay",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        _moment("since", nullable=False),
        _moment("until", nullable=False),
        sa.Column("what", sa.String(20), nullable=False),
        sa.Column("rate", sa.Integer()),
        sa.Column("total", sa.Integer(), nullable=False),
        _moment("created_at", server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        _moment("cancelled_at"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_webhook_replay"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_webhook_replay_webhook",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("what IN ('failed', 'missing', 'all')", name="ck_webhook_replay_what"),
    )
    op.create_index(
        "ix_webhook_replay_webhook", "webhook_replay", ["tenant_id", "webhook_id", "id"]
    )
    tenant_table("webhook_replay")
    op.create_table(
        "event_settings",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("retention_days", sa.Integer(), server_default="30", nullable=False),
        sa.Column("redacted_fields", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name="pk_event_settings"),
        sa.CheckConstraint(
            "retention_days BETWEEN 1 AND 90", name="ck_event_settings_retention_days"
        ),
    )
    tenant_table("event_settings")


def downgrade() -> None:
    op.drop_table("event_settings")
    op.drop_table("webhook_replay")
