"""0073 whose credentials: a restoration keeps what it was asked for, leases are of an application.

What a connector without an application hands out, a worker takes away. Not before an hour: until it
has ended, a worker of the release before would put it there again.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live

revision, down_revision = "0073", "0072"

ENTER = "SELECT set_config('app.tenant_id', %s, true)"
TAKE_AWAY = """
UPDATE connector_access a SET due_at = now() + interval '1 hour' FROM connector c
WHERE a.tenant_id = %s AND c.tenant_id = a.tenant_id AND c.id = a.connector_id
    AND c.application_id IS NULL AND a.state = 'ready' AND a.due_at IS NULL
"""


def upgrade() -> None:
    for name, kind in (("replaces_version", sa.Integer()), ("asked_group", sa.String(80))):
        op.add_column("connector_check", sa.Column(name, kind), if_not_exists=True)
    with live.in_steps():
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(TAKE_AWAY, tenant_id)


def downgrade() -> None:
    op.drop_column("connector_check", "asked_group")
    op.drop_column("connector_check", "replaces_version")
