"""0053 leases: what each connector hands out, and a row for each lease."""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace
from portal.migrations.tenancy import APP_ROLE, tenant_table

revision, down_revision = "0053", "0052"

TABLES = ("connector_access", "connector_lease")
FUNCTIONS = ("due_accesses(integer, text[])", "due_leases(text, integer, interval)")
DUE = sa.text("due_at IS NOT NULL")
KIND = "kind IN ('token', 'credentials')"
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
# A worker looks at each connector of an application that has credentials, and finds out what it
# hands out.
LOOK = """
INSERT INTO connector_access (tenant_id, connector_id)
SELECT tenant_id, id FROM connector
WHERE tenant_id = %s AND enabled AND NOT is_deleted AND credential_fields <> '[]'
    AND scope = 'org' AND coalesce(application_id, app_id) IS NOT NULL
FOR SHARE
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.create_table(
        "connector_access",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("connector_id", sa.String(40), nullable=False),
        sa.Column("state", sa.String(10), server_default="due", nullable=False),
        sa.Column("kind", sa.String(12)),
        sa.Column("credential_version", sa.Integer),
        sa.Column("slot_version", sa.Integer),
        sa.Column("token_expires_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        sa.Column("attempt", sa.Integer, server_default="0", nullable=False),
        sa.Column("failures", sa.Integer, server_default="0", nullable=False),
        sa.Column("outcome", sa.String(20)),
        sa.Column("said", sa.Text, server_default="", nullable=False),
        sa.Column("fetched_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("state IN ('due', 'fetching', 'ready', 'failed', 'off')", name="state"),
        sa.CheckConstraint(KIND, name="kind"),
        sa.CheckConstraint(
            "outcome IN ('auth_invalid', 'auth_scope', 'auth_expired', 'config', 'rate_limited',"
            " 'transient', 'secret_store', 'internal')",
            name="outcome",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "connector_id", name="pk_connector_access"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connector_id"],
            ["connector.tenant_id", "connector.id"],
            name="fk_connector_access_connector",
            ondelete="CASCADE",
        ),
        if_not_exists=True,
    )
    op.create_table(
        "connector_lease",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("connector_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("application_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("credential_version", sa.Integer, nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.CheckConstraint(KIND, name="kind"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_connector_lease"),
        if_not_exists=True,
    )
    for name, columns, where in (
        ("connector_access_due", ["due_at"], DUE),
        ("connector_access_tenant_due", ["tenant_id", "due_at"], DUE),
        ("connector_lease_connector", ["tenant_id", "connector_id", "id"], None),
        ("connector_lease_made", ["tenant_id", "created_at"], None),
    ):
        table = "_".join(name.split("_")[:2])
        op.create_index(f"ix_{name}", table, columns, postgresql_where=where, if_not_exists=True)
    for table in TABLES:
        if not live.run(f"SELECT FROM pg_policy WHERE polrelid = '{table}'::regclass"):
            tenant_table(table, literal=True)
            op.execute(f"CREATE POLICY engine ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    replace("0053", "due_accesses", "due_leases")
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")
    with live.in_steps():
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(LOOK, tenant_id)


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(TABLES):
        op.drop_table(table)
