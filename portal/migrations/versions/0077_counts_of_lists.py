"""0077 counts of lists: indexes that count webhooks and connectors without reading their rows.

PostgreSQL uses them only where the condition is written as the lists write it: `IS FALSE`.
"""

from portal.migrations import live

revision, down_revision = "0077", "0076"

INDEXES = {
    "ix_webhook_live": "webhook (tenant_id, direction)",
    "ix_connector_live": "connector (tenant_id, provider, scope, user_id, group_id)",
}


def upgrade() -> None:
    with live.in_steps():
        for name, columns in INDEXES.items():
            live.index(name, f"{columns} WHERE is_deleted IS FALSE")


def downgrade() -> None:
    for name in INDEXES:
        live.run(f"DROP INDEX IF EXISTS {name}")
