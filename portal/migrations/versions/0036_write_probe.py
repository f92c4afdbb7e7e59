"""0036 write probe: a row for each web process, by which it proves that saving works."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import shared_table

revision, down_revision = "0036", "0035"


def upgrade() -> None:
    op.create_table(
        "write_probe",
        sa.Column("process", sa.String(40), nullable=False),
        sa.Column(
            "written_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False
        ),
        sa.PrimaryKeyConstraint("process", name="pk_write_probe"),
        postgresql_with={"fillfactor": "50"},
    )
    shared_table("write_probe", rights="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("write_probe")
