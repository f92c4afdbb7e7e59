"""0060 last checks: connectors know when they were checked, and are sorted by it."""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live

revision, down_revision = "0060", "0059"

CHECKED = (
    "(CASE WHEN last_check_at IS NULL THEN '0001-01-01 00:00:00+00'::timestamptz"
    " ELSE last_check_at END)"
)
INDEX = "ix_connector_last_check"
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
NOTE = """
UPDATE connector c SET last_check_at = s.checked_at FROM connector_standing s
WHERE c.tenant_id = %s AND s.tenant_id = c.tenant_id AND s.connector_id = c.id
    AND c.last_check_at IS NULL AND s.checked_at IS NOT NULL
"""


def upgrade() -> None:
    op.add_column(
        "connector", sa.Column("last_check_at", sa.DateTime(timezone=True)), if_not_exists=True
    )
    with live.in_steps():
        live.index(INDEX, f"connector (tenant_id, {CHECKED}, id)")
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(NOTE, tenant_id)


def downgrade() -> None:
    op.drop_index(INDEX, "connector", if_exists=True)
    op.drop_column("connector", "last_check_at")
