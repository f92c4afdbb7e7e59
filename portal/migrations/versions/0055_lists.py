"""0055 lists: what their new filters, ranges and orders read, and counting many new records.

The keys that are there already get the rows of their scopes here; new ones get them by a trigger.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0055", "0054"

SYNCED = (
    "(CASE WHEN last_sync_at IS NULL THEN '0001-01-01 00:00:00+00'::timestamptz"
    " ELSE last_sync_at END)"
)
DELIVERED = SYNCED.replace("last_sync_at", "last_delivery_at")
INDEXES = {
    "ix_connector_last_sync": f"connector (tenant_id, {SYNCED}, id)",
    "ix_webhook_last_delivery": f"webhook (tenant_id, {DELIVERED}, id)",
    "ix_api_key_ending": (
        "api_key (tenant_id, id) WHERE revoked_at IS NULL AND expires_at IS NOT NULL"
    ),
    **{
        f"ix_{table}_{column}": f"{table} (tenant_id, {column}, id) WHERE {column} IS NOT NULL"
        for table, column in (
            ("webhook", "paused_at"),
            ("api_key", "revoked_at"),
            ("api_key", "brownout_from"),
            ("connector", "oauth_token_expires_at"),
            ("connector", "credential_last_rotated_at"),
            ("connector", "next_rotation_due"),
        )
    },
}
OF_ACTIONS = "(tenant_id, action, occurred_at, id)"
MONTHS = """
SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit_entry'::regclass
ORDER BY 1
"""
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
SCOPES = """
WITH batch AS (
    SELECT tenant_id, id, scopes FROM api_key WHERE tenant_id = %s AND id > %s
    ORDER BY id LIMIT 1000 FOR KEY SHARE
), noted AS (
    INSERT INTO api_key_scope (tenant_id, scope, key_id)
    SELECT tenant_id, jsonb_array_elements_text(scopes), id FROM batch
    ON CONFLICT DO NOTHING
)
SELECT max(id) FROM batch
"""


def upgrade() -> None:
    op.create_table(
        "api_key_scope",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(80), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "scope", "key_id", name="pk_api_key_scope"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_key_scope_key",
            ondelete="CASCADE",
        ),
        if_not_exists=True,
    )
    op.create_index(
        "ix_api_key_scope_key", "api_key_scope", ["tenant_id", "key_id"], if_not_exists=True
    )
    if not live.run("SELECT FROM pg_policy WHERE polrelid = 'api_key_scope'::regclass"):
        tenant_table("api_key_scope", literal=True)
    replace("0055", "note_key_scopes", "api_key_scoped", "take_records")
    with live.in_steps():
        for name, definition in INDEXES.items():
            live.index(name, definition)
        for (month,) in live.run(MONTHS):
            live.index(f"{month}_action_idx", f"{month} {OF_ACTIONS}")
        with live.transaction("audit_entry"):
            # It takes in the indexes of the months; a month that was made meanwhile is empty.
            live.run(
                f"CREATE INDEX IF NOT EXISTS ix_audit_entry_action ON audit_entry {OF_ACTIONS}"
            )
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            _note_scopes(tenant_id)


def _note_scopes(tenant_id: str) -> None:
    last = ""
    while last is not None:
        with live.transaction():
            live.run(ENTER, tenant_id)
            [[last]] = live.run(SCOPES, tenant_id, last)


def downgrade() -> None:
    op.execute("DROP INDEX ix_audit_entry_action")
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.execute("DROP TRIGGER api_key_scoped ON api_key")
    op.execute("DROP FUNCTION note_key_scopes()")
    op.execute("DROP FUNCTION take_records(text, text, bigint, bigint)")
    op.drop_table("api_key_scope")
