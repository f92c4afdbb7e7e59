"""0054 where credentials belong: each version notes the provider and settings it was saved for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from portal.migrations import live

revision, down_revision = "0054", "0053"

TABLE = "connector_credentials"
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
# Only of the version that is used now is it known; an older one may have been of another address.
NOTE = """
UPDATE connector_credentials k SET provider = c.provider, config = c.config
FROM connector c
WHERE k.tenant_id = %s AND k.provider IS NULL
    AND c.tenant_id = k.tenant_id AND c.id = k.connector_id AND c.credential_version = k.version
    AND c.credential_fields <> '[]'
"""


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("provider", sa.String(60)), if_not_exists=True)
    op.add_column(TABLE, sa.Column("config", JSONB), if_not_exists=True)
    with live.in_steps():
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(NOTE, tenant_id)


def downgrade() -> None:
    op.drop_column(TABLE, "config")
    op.drop_column(TABLE, "provider")
