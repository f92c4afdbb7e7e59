"""0051 who sees connectors: groups of people, and who may know of a connector that is not for all.

Connectors that are there already are found by the words of their tags and by their owner, too.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0051", "0050"

NOTES = ("note_audience", "connector_restricted", "connector_rescoped")
INDEXES = {
    "ix_connector_org": "connector (tenant_id, id) WHERE scope = 'org'",
    "ix_connector_app": "connector (tenant_id, app_id, id)",
    "ix_connector_owner": "connector (tenant_id, owner_id, id)",
    "ix_connector_user": "connector (tenant_id, user_id, id) WHERE user_id IS NOT NULL",
    "ix_connector_group": "connector (tenant_id, group_id, id) WHERE group_id IS NOT NULL",
    "ix_webhook_app": "webhook (tenant_id, app_id, id)",
}
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
NOTE = """
INSERT INTO restricted_record (tenant_id, record_id, scope, user_id, group_id)
SELECT tenant_id, id, scope, user_id, group_id FROM connector
WHERE tenant_id = %s AND scope <> 'org' FOR SHARE
ON CONFLICT DO NOTHING
"""
FIND_BY_TAGS_AND_OWNER = """
INSERT INTO search_term (tenant_id, kind, term, record_id)
SELECT c.tenant_id, 'connector', left(word[1], 60), c.id
FROM connector c CROSS JOIN LATERAL (
    SELECT jsonb_array_elements_text(c.tags) UNION ALL SELECT c.owner_id
) said (text)
CROSS JOIN regexp_matches(lower(said.text), '[[:alnum:]]+', 'g') word
WHERE c.tenant_id = %s
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    for table in ("person", "web_session"):
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS groups jsonb DEFAULT '[]' NOT NULL"
        )
    op.create_table(
        "restricted_record",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("record_id", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(10), nullable=False),
        sa.Column("user_id", sa.String(80)),
        sa.Column("group_id", sa.String(80)),
        sa.PrimaryKeyConstraint("tenant_id", "record_id", name="pk_restricted_record"),
        if_not_exists=True,
    )
    if not live.run("SELECT FROM pg_policy WHERE polrelid = 'restricted_record'::regclass"):
        tenant_table("restricted_record", literal=True)
    replace("0051", *NOTES)
    with live.in_steps():
        for name, definition in INDEXES.items():
            live.index(name, definition)
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            _bring_up_to_date(tenant_id)


def _bring_up_to_date(tenant_id: str) -> None:
    with live.transaction():
        live.run(ENTER, tenant_id)
        live.run(NOTE, tenant_id)
        live.run(FIND_BY_TAGS_AND_OWNER, tenant_id)


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f"DROP INDEX {name}")
    op.execute("DROP TRIGGER connector_restricted ON connector")
    op.execute("DROP TRIGGER connector_rescoped ON connector")
    op.execute("DROP FUNCTION note_audience()")
    op.drop_table("restricted_record")
    for table in ("web_session", "person"):
        op.drop_column(table, "groups")
