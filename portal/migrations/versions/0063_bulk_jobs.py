"""0063 bulk jobs: what people and programs do to many records, and a row for each record."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from portal.migrations.functions import replace
from portal.migrations.tenancy import APP_ROLE, tenant_table

revision, down_revision = "0063", "0062"

TABLES = ("bulk_job", "bulk_row")
FUNCTIONS = ("due_bulk_jobs(text, integer)", "due_old_bulk_jobs(text, integer, interval)")
RUNNING = sa.text("state = 'running'")


def _text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, server_default="0", nullable=False)


def _object(name: str) -> sa.Column[dict[str, str]]:
    return sa.Column(name, JSONB, server_default="{}", nullable=False)


def _time(name: str) -> sa.Column[sa.DateTime]:
    return sa.Column(name, sa.DateTime(timezone=True))


def upgrade() -> None:
    op.create_table(
        "bulk_job",
        _text("tenant_id", 40),
        _text("id", 40),
        _text("resource", 40),
        _text("verb", 20),
        sa.Column("state", sa.String(12), server_default="preview", nullable=False),
        _object("filter"),
        _object("arguments"),
        _text("asked_by", 80),
        _text("asked_by_name", 200),
        sa.Column("asker", JSONB),
        _number("total"),
        _number("done"),
        _number("failed"),
        _number("skipped"),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        _time("confirmed_at"),
        _time("next_at"),
        _time("ended_at"),
        _text("cancelled_by_name", 200, nullable=True),
        sa.CheckConstraint("state IN ('preview', 'running', 'done', 'cancelled')", name="state"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_bulk_job"),
    )
    op.create_table(
        "bulk_row",
        _text("tenant_id", 40),
        _text("job_id", 40),
        sa.Column("number", sa.Integer, nullable=False),
        _text("record_id", 40),
        _text("record_name", 200),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String(12), server_default="waiting", nullable=False),
        sa.Column("reason", sa.Text, server_default="", nullable=False),
        _object("changes"),
        _time("done_at"),
        sa.CheckConstraint(
            "state IN ('waiting', 'done', 'failed', 'skipped', 'cancelled')", name="state"
        ),
        sa.PrimaryKeyConstraint("tenant_id", "job_id", "number", name="pk_bulk_row"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "job_id"],
            ["bulk_job.tenant_id", "bulk_job.id"],
            name="fk_bulk_row_job",
            ondelete="CASCADE",
        ),
    )
    of_one = ["tenant_id", "asked_by", "resource", "verb"]
    op.create_index("uq_bulk_job_open", "bulk_job", of_one, unique=True, postgresql_where=RUNNING)
    op.create_index(
        "ix_bulk_job_due", "bulk_job", ["tenant_id", "next_at"], postgresql_where=RUNNING
    )
    op.create_index("ix_bulk_job_asked", "bulk_job", ["tenant_id", "asked_by", "id"])
    op.create_index("ix_bulk_job_made", "bulk_job", ["tenant_id", "created_at"])
    op.create_index("ix_bulk_row_state", "bulk_row", ["tenant_id", "job_id", "state", "number"])
    for table in TABLES:
        tenant_table(table, literal=True)
    op.execute("CREATE POLICY engine ON bulk_job FOR SELECT TO CURRENT_USER USING (true)")
    replace("0063", "due_bulk_jobs", "due_old_bulk_jobs")
    for function in FUNCTIONS:
        op.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {APP_ROLE}")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}")
    for table in reversed(TABLES):
        op.drop_table(table)
