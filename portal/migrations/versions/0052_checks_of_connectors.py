"""0052 checks of connectors: a row for each check, what is known of each connector, versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from portal.migrations import live
from portal.migrations.functions import replace
from portal.migrations.tenancy import APP_ROLE, tenant_table

revision, down_revision = "0052", "0051"

TABLES = (
    "connector_check",
    "connector_standing",
    "connector_check_day",
    "connector_credentials",
)
FUNCTIONS = {
    "due_checks": "text, integer",
    "due_old_checks": "text, integer, interval",
    "open_checks": "integer, text[]",
}
OUTCOMES = (
    "outcome IN ('passed', 'unproven', 'auth_invalid', 'auth_scope', 'auth_expired', 'config',"
    " 'rate_limited', 'transient', 'secret_store', 'internal')"
)
OPEN = sa.text("state IN ('queued', 'running')")
URGENCY = (
    "(CASE WHEN sync_status IN ('action_required', 'failing') THEN 2"
    " WHEN sync_status IN ('degraded', 'rate_limited') THEN 1 ELSE 0 END)"
)
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
# Each connector that has credentials: the version that its row knows is the first one here.
KNOWN_CREDENTIALS = """
INSERT INTO connector_credentials (
    tenant_id, connector_id, version, fields, set_by, set_by_name, set_at)
SELECT tenant_id, id, credential_version, credential_fields, credential_set_by,
    credential_set_by_name, coalesce(credential_last_rotated_at, updated_at)
FROM connector
WHERE tenant_id = %s AND credential_version > 0 AND credential_fields <> '[]' FOR SHARE
ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    op.create_table(
        "connector_check",
        *_of_connector("connector_check", "id", sa.Column("id", sa.String(40), nullable=False)),
        sa.Column("state", sa.String(10), server_default="queued", nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
        sa.Column("asked_by", sa.String(80)),
        sa.Column("asked_by_name", sa.String(200)),
        sa.Column("restores_version", sa.Integer),
        sa.Column("record_version", sa.Integer),
        sa.Column("credential_version", sa.Integer),
        sa.Column("attempts", sa.Integer, server_default="0", nullable=False),
        _moment("due_at", now=True),
        _moment("created_at", now=True),
        _moment("started_at"),
        _moment("finished_at"),
        sa.Column("outcome", sa.String(20)),
        sa.Column("is_outdated", sa.Boolean, server_default="false", nullable=False),
        sa.Column("said", sa.Text, server_default="", nullable=False),
        sa.Column("remedy", sa.Text, server_default="", nullable=False),
        sa.Column("steps", JSONB, server_default="[]", nullable=False),
        sa.Column("took_ms", sa.Float),
        sa.Column("account", sa.Text),
        sa.Column("is_person", sa.Boolean),
        sa.Column("granted", JSONB),
        sa.Column("missing", JSONB, server_default="[]", nullable=False),
        sa.Column("too_much", JSONB, server_default="[]", nullable=False),
        _moment("expires_at"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done')", name="state"),
        sa.CheckConstraint(
            "reason IN ('asked', 'saved', 'daily', 'retry', 'expiry')", name="reason"
        ),
        sa.CheckConstraint(OUTCOMES, name="outcome"),
        if_not_exists=True,
    )
    for name, columns, options in (
        ("ux_connector_check_open", ["tenant_id", "connector_id"], {"unique": True}),
        ("ix_connector_check_due", ["due_at"], {}),
    ):
        op.create_index(
            name, "connector_check", columns, postgresql_where=OPEN, if_not_exists=True, **options
        )
    for name, columns in (
        ("ix_connector_check_connector", ["tenant_id", "connector_id", "id"]),
        ("ix_connector_check_made", ["tenant_id", "created_at"]),
    ):
        op.create_index(name, "connector_check", columns, if_not_exists=True)
    op.create_table(
        "connector_standing",
        *_of_connector("connector_standing", "connector_id"),
        _moment("next_check_at"),
        sa.Column("next_reason", sa.String(10), server_default="daily", nullable=False),
        sa.Column("check_id", sa.String(40)),
        _moment("checked_at"),
        sa.Column("outcome", sa.String(20)),
        _moment("since"),
        sa.Column("said", sa.Text, server_default="", nullable=False),
        sa.Column("remedy", sa.Text, server_default="", nullable=False),
        sa.Column("took_ms", sa.Float),
        sa.Column("account", sa.Text),
        sa.Column("is_person", sa.Boolean),
        _moment("expires_at"),
        _moment("passed_at"),
        sa.Column("passed_record_version", sa.Integer),
        sa.Column("passed_credential_version", sa.Integer),
        if_not_exists=True,
    )
    op.create_index(
        "ix_connector_standing_due",
        "connector_standing",
        ["tenant_id", "next_check_at"],
        postgresql_where=sa.text("next_check_at IS NOT NULL"),
        if_not_exists=True,
    )
    op.create_table(
        "connector_check_day",
        *_of_connector(
            "connector_check_day", "connector_id day", sa.Column("day", sa.Date, nullable=False)
        ),
        *(
            sa.Column(name, sa.Integer, server_default="0", nullable=False)
            for name in ("passed", "troubled", "failed")
        ),
        if_not_exists=True,
    )
    op.create_table(
        "connector_credentials",
        *_of_connector(
            "connector_credentials",
            "connector_id version",
            sa.Column("version", sa.Integer, nullable=False),
        ),
        sa.Column("fields", JSONB, nullable=False),
        sa.Column("changed", JSONB, server_default="[]", nullable=False),
        sa.Column("set_by", sa.String(80)),
        sa.Column("set_by_name", sa.String(200)),
        _moment("set_at", now=True),
        sa.Column("restored_from", sa.Integer),
        if_not_exists=True,
    )
    for table in TABLES:
        if not live.run(f"SELECT FROM pg_policy WHERE polrelid = '{table}'::regclass"):
            tenant_table(table, literal=True)
            op.execute(f"CREATE POLICY engine ON {table} FOR SELECT TO CURRENT_USER USING (true)")
    replace("0052", *FUNCTIONS)
    for name, arguments in FUNCTIONS.items():
        op.execute(f"REVOKE EXECUTE ON FUNCTION {name}({arguments}) FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {name}({arguments}) TO {APP_ROLE}")
    with live.in_steps():
        live.index("ix_connector_urgency", f"connector (tenant_id, {URGENCY}, id)")
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(KNOWN_CREDENTIALS, tenant_id)


def _of_connector(table: str, key: str, *columns: sa.Column) -> list[sa.schema.SchemaItem]:
    """Return what a table below connectors begins with; `key` is the second part of its key."""
    keys = ["tenant_id", *key.split()]
    return [
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("connector_id", sa.String(40), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint(*keys, name=f"pk_{table}"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "connector_id"],
            ["connector.tenant_id", "connector.id"],
            name=f"fk_{table}_connector",
            ondelete="CASCADE",
        ),
    ]


def _moment(name: str, *, now: bool = False) -> sa.Column:
    default = sa.func.now() if now else None
    return sa.Column(name, sa.DateTime(timezone=True), server_default=default, nullable=not now)


def downgrade() -> None:
    for name, arguments in FUNCTIONS.items():
        op.execute(f"DROP FUNCTION {name}({arguments})")
    op.execute("DROP INDEX ix_connector_urgency")
    for table in reversed(TABLES):
        op.drop_table(table)
