"""0001 foundations: the tenant's wall, the directory of tenants, audit, search, idempotency."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.tenancy import (
    APP_ROLE,
    drop_setting_functions,
    setting_functions,
    shared_table,
    tenant_table,
)

revision = "0001"
down_revision = None

# The portal's own role cannot create tables; the worker asks the owner's function for the months
# ahead. A partition is reached through its parent only: the role has no right on it.
AUDIT_PARTITIONS = """
CREATE FUNCTION ensure_audit_partitions(months integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    month date;
    name text;
BEGIN
    FOR step IN 0..least(months, 36) LOOP
        month := (first_day + make_interval(months => step))::date;
        name := 'audit_entry_' || to_char(month, 'YYYYMM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF audit_entry FOR VALUES FROM (%L) TO (%L)',
                name, month::text || ' 00:00+00',
                (month + interval '1 month')::date::text || ' 00:00+00');
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
            EXECUTE format(
                'CREATE POLICY tenant ON %I USING (tenant_id = (SELECT current_tenant()))'
                ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        END IF;
    END LOOP;
END $$
"""


def upgrade() -> None:
    setting_functions()
    _tenant()
    _audit()
    _search()
    _idempotency()


def _tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("key_code", sa.String(4), nullable=False),
        sa.Column("time_zone", sa.String(60), server_default="UTC", nullable=False),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tenant"),
        sa.UniqueConstraint("slug", name="uq_tenant_slug"),
        sa.UniqueConstraint("key_code", name="uq_tenant_key_code"),
        sa.CheckConstraint("key_code ~ '^[a-z0-9]{4}$'", name="ck_tenant_key_code_format"),
    )
    shared_table("tenant")


def _audit() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column(
            "occurred_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("action", sa.String(60), nullable=False),
        sa.Column("record_kind", sa.String(40), nullable=False),
        sa.Column("record_id", sa.String(60), nullable=False),
        sa.Column("record_name", sa.String(200), server_default="", nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.Column("changes", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("ip", sa.String(60)),
        sa.Column("user_agent", sa.String(300)),
        sa.Column("request_id", sa.String(60)),
        sa.PrimaryKeyConstraint("tenant_id", "occurred_at", "id", name="pk_audit_entry"),
        postgresql_partition_by="RANGE (occurred_at)",
    )
    for name, column in (("record", "record_id"), ("actor", "actor_id")):
        op.create_index(
            f"ix_audit_entry_{name}", "audit_entry", ["tenant_id", column, "occurred_at", "id"]
        )
    tenant_table("audit_entry", rights="SELECT, INSERT")
    op.execute(AUDIT_PARTITIONS)
    op.execute("REVOKE EXECUTE ON FUNCTION ensure_audit_partitions(integer) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION ensure_audit_partitions(integer) TO {APP_ROLE}")
    # What is older than this month (a restored archive) or beyond the last month made.
    op.execute("CREATE TABLE audit_entry_rest PARTITION OF audit_entry DEFAULT")
    tenant_table("audit_entry_rest", rights=None)
    op.execute("SELECT ensure_audit_partitions(12)")


def _search() -> None:
    op.create_table(
        "search_term",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("term", sa.String(70), nullable=False),
        sa.Column("record_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "kind", "term", "record_id", name="pk_search_term"),
    )
    op.create_index(
        "ix_search_term_record", "search_term", ["tenant_id", "kind", "record_id", "term"]
    )
    tenant_table("search_term")


def _idempotency() -> None:
    op.create_table(
        "idempotency_key",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("status", sa.Integer()),
        sa.Column("location", sa.String(200)),
        sa.Column("answer", postgresql.JSONB()),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant_id", "actor_id", "key", name="pk_idempotency_key"),
    )
    op.create_index("ix_idempotency_key_age", "idempotency_key", ["tenant_id", "created_at"])
    tenant_table("idempotency_key")


def downgrade() -> None:
    for table in ("idempotency_key", "search_term", "audit_entry", "tenant"):
        op.drop_table(table)
    op.execute("DROP FUNCTION ensure_audit_partitions(integer)")
    drop_setting_functions()
