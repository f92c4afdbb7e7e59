"""0077 counts of lists: count webhooks, connectors and revoked keys without reading their rows.

PostgreSQL uses the first two only where the condition is written as the lists write it: `IS FALSE`.
"""

from portal.migrations import live

revision, down_revision = "0077", "0076"

COUNTING = {
    "ix_webhook_live": "webhook (tenant_id, direction)",
    "ix_connector_live": "connector (tenant_id, provider, scope, user_id, group_id)",
}
REVOKED = "revoked_at IS NOT NULL OR revoke_at IS NOT NULL"


def upgrade() -> None:
    with live.in_steps():
        for name, columns in COUNTING.items():
            live.index(name, f"{columns} WHERE is_deleted IS FALSE")
        live.index(
            "ix_api_key_revoked",
            "api_key (tenant_id, id) INCLUDE (kind, revoked_at, revoke_at, is_deleted)"
            f" WHERE {REVOKED}",
        )
        _drop("ix_api_key_ended", "api_key")


def downgrade() -> None:
    with live.in_steps():
        live.index("ix_api_key_ended", f"api_key (tenant_id, id) WHERE {REVOKED}")
        _drop("ix_api_key_revoked", "api_key")
        _drop("ix_webhook_live", "webhook")
        _drop("ix_connector_live", "connector")


def _drop(name: str, table: str) -> None:
    with live.transaction(table):
        live.run(f"DROP INDEX IF EXISTS {name}")
