"""0005 webhooks: where events go to and come from, and every attempt to deliver one."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import envelope
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0005", "0004"


def upgrade() -> None:
    _webhook()
    _delivery_attempt()


def _json(name: str, default: str | None = None) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(), server_default=default, nullable=False)


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _webhook() -> None:
    op.create_table(
        "webhook",
        *envelope(),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("direction", sa.String(20), server_default="outbound", nullable=False),
        sa.Column("url", sa.String(2048)),
        _json("event_types", "[]"),
        sa.Column(
            "signature_scheme", sa.String(40), server_default="standard-webhooks", nullable=False
        ),
        _json("headers", "{}"),
        sa.Column("enabled", sa.Boolean(), server_default="false", nullable=False),
        _json("retry_policy"),
        _moment("last_delivery_at"),
        sa.Column("last_delivery_status", sa.String(20)),
        sa.Column("consecutive_failures", sa.Integer(), server_default="0", nullable=False),
        _moment("paused_at"),
        sa.Column("connector_id", sa.String(40)),
        sa.Column("application_id", sa.String(40)),
        _json("tags", "[]"),
        sa.Column("secret_fingerprint", sa.String(64)),
        _moment("secret_rotated_at"),
        _moment("previous_secret_expires_at"),
        sa.Column(
            "is_active",
            sa.Boolean(),
            sa.Computed("enabled AND paused_at IS NULL AND NOT is_deleted", persisted=True),
            nullable=False,
        ),
        sa.Column(
            "name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_webhook"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_webhook_application",
        ),
        sa.CheckConstraint("direction IN ('outbound', 'inbound')", name="ck_webhook_direction"),
        sa.CheckConstraint(
            "signature_scheme IN ('standard-webhooks')", name="ck_webhook_signature_scheme"
        ),
        sa.CheckConstraint(
            "NOT enabled OR direction = 'inbound' OR url IS NOT NULL",
            name="ck_webhook_enabled_has_url",
        ),
    )
    for name, column in (
        ("name", "name_key"),
        ("updated", "updated_at"),
        ("application", "application_id"),
        ("connector", "connector_id"),
    ):
        op.create_index(f"ix_webhook_{name}", "webhook", ["tenant_id", column, "id"])
    tenant_table("webhook")


def _delivery_attempt() -> None:
    op.create_table(
        "delivery_attempt",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("event_type", sa.String(128), nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        _moment("completed_at"),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.Column("url", sa.String(2048), nullable=False),
        _json("request_headers"),
        sa.Column("request_body", sa.Text(), nullable=False),
        sa.Column("signed_with", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(20), server_default="sending", nullable=False),
        sa.Column("explanation", sa.Text(), server_default="", nullable=False),
        sa.Column("remedy", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Integer()),
        _json("response_headers", "[]"),
        sa.Column("response_body", sa.Text(), server_default="", nullable=False),
        sa.Column("response_truncated", sa.Boolean(), server_default="false", nullable=False),
        _json("timings", "{}"),
        sa.Column("address", sa.String(60)),
        sa.Column("tls_version", sa.String(20)),
        sa.Column("certificate_days", sa.Integer()),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_delivery_attempt"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_delivery_attempt_webhook",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_delivery_attempt_webhook", "delivery_attempt", ["tenant_id", "webhook_id", "id"]
    )
    op.create_index("ix_delivery_attempt_created", "delivery_attempt", ["tenant_id", "created_at"])
    tenant_table("delivery_attempt")


def downgrade() -> None:
    op.drop_table("delivery_attempt")
    op.drop_table("webhook")
