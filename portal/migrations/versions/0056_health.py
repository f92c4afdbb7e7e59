"""0056 health: indexes of what is in trouble, of an application or in a rotation."""

from alembic import op

from portal.migrations import live

revision, down_revision = "0056", "0055"

INDEXES = {
    "ix_webhook_troubled": (
        "webhook (tenant_id, application_id) WHERE NOT is_deleted AND enabled"
        " AND (paused_at IS NOT NULL OR consecutive_failures > 0"
        " OR last_delivery_status NOT IN ('delivered', 'sending'))"
    ),
    "ix_connector_troubled": (
        "connector (tenant_id, application_id) WHERE NOT is_deleted"
        " AND sync_status IN ('action_required', 'failing', 'degraded', 'rate_limited')"
    ),
    "ix_api_key_expiring_of_application": (
        "api_key (tenant_id, application_id, expires_at)"
        " WHERE revoked_at IS NULL AND expires_at IS NOT NULL"
    ),
    "ix_key_budget_used_up": "key_budget (tenant_id, family_id) WHERE announced_percent >= 100",
    "ix_key_rotation_old": "key_rotation (tenant_id, old_key_id) WHERE finished_at IS NULL",
}


def upgrade() -> None:
    with live.in_steps():
        for name, definition in INDEXES.items():
            live.index(name, definition)


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
