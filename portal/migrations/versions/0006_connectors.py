"""0006 connectors: sources and sinks of data, without their secrets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import envelope
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0006", "0005"

TYPES = (
    "'edr', 'siem', 'ticketing', 'knowledge', 'identity', 'source_control', 'messaging', 'itsm',"
    " 'crm', 'support', 'incident', 'observability', 'cloud_security', 'storage', 'warehouse',"
    " 'database', 'payments', 'custom'"
)
AUTH_TYPES = (
    "'none', 'api_key', 'api_key_pair', 'bearer', 'basic', 'oauth2_code',"
    " 'oauth2_client_credentials', 'oauth2_private_key_jwt', 'oauth2_jwt_bearer',"
    " 'service_account_jwt', 'key_pair_jwt', 'github_app', 'aws_assume_role', 'aws_keys', 'mtls',"
    " 'hmac'"
)
SYNC_STATUSES = (
    "'disabled', 'pending', 'action_required', 'failing', 'degraded', 'rate_limited', 'stale',"
    " 'healthy'"
)
INDEXES = {
    "ix_connector_name": "name_key",
    "ix_connector_updated": "updated_at",
    "ix_connector_provider": "provider",
    "ix_connector_type": "type",
    "ix_connector_application": "application_id",
    "ix_connector_sync_status": "sync_status",
}


def upgrade() -> None:
    op.create_table(
        "connector",
        *envelope(),
        *_what_it_is(),
        *_how_it_is(),
        *_what_is_known_of_its_secret(),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_connector"),
        sa.CheckConstraint(f"type IN ({TYPES})", name="ck_connector_type"),
        sa.CheckConstraint("scope IN ('org', 'user', 'group')", name="ck_connector_scope"),
        sa.CheckConstraint(f"auth_type IN ({AUTH_TYPES})", name="ck_connector_auth_type"),
        sa.CheckConstraint(f"sync_status IN ({SYNC_STATUSES})", name="ck_connector_sync_status"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_connector_application",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_endpoint_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_connector_webhook_endpoint",
        ),
    )
    for name, column in INDEXES.items():
        op.create_index(name, "connector", ["tenant_id", column, "id"])
    tenant_table("connector")
    op.create_foreign_key(
        "fk_webhook_connector",
        "webhook",
        "connector",
        ["tenant_id", "connector_id"],
        ["tenant_id", "id"],
    )


def _json(name: str, default: str) -> sa.Column[str]:
    return sa.Column(name, postgresql.JSONB(), server_default=default, nullable=False)


def _moment(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _count(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Integer(), server_default="0", nullable=False)


def _what_it_is() -> list[sa.Column[str]]:
    return [
        sa.Column("type", sa.String(40)),
        sa.Column("provider", sa.String(60)),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("scope", sa.String(10), server_default="org", nullable=False),
        sa.Column("owner_id", sa.String(80)),
        sa.Column("group_id", sa.String(80)),
        sa.Column("user_id", sa.String(80)),
        _json("config", "{}"),
        sa.Column("auth_type", sa.String(40)),
        sa.Column("enabled", sa.Boolean(), server_default="true", nullable=False),
        _json("event_types", "[]"),
        sa.Column("webhook_endpoint_id", sa.String(40)),
        _json("tags", "[]"),
        sa.Column("application_id", sa.String(40)),
        sa.Column(
            "name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=False
        ),
    ]


def _how_it_is() -> list[sa.Column[str]]:
    return [
        sa.Column("sync_status", sa.String(20), server_default="pending", nullable=False),
        _moment("last_sync_at"),
        _count("consecutive_errors"),
        sa.Column("last_error", sa.Text()),
        _json("metrics", '{"totalSynced": 0, "last24h": 0, "avgLatencyMs": null}'),
    ]


def _what_is_known_of_its_secret() -> list[sa.Column[str]]:
    return [
        _json("credential_fields", "[]"),
        _count("credential_version"),
        sa.Column("credential_set_by", sa.String(80)),
        sa.Column("credential_set_by_name", sa.String(200)),
        _moment("credential_last_rotated_at"),
        _moment("next_rotation_due"),
        sa.Column("oauth_refresh_needed", sa.Boolean(), server_default="false", nullable=False),
        _moment("oauth_token_expires_at"),
    ]


def downgrade() -> None:
    op.drop_constraint("fk_webhook_connector", "webhook", type_="foreignkey")
    op.drop_table("connector")
