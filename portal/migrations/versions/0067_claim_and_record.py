"""0067 claim and record: workers claim deliveries, and record attempts, by one statement each."""

from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0067", "0066"


def upgrade() -> None:
    replace("0067", "lease_deliveries", "lease_new_deliveries", "record_attempts")


def downgrade() -> None:
    op.execute("DROP FUNCTION record_attempts(text, jsonb, jsonb, integer)")
    op.execute(
        "DROP FUNCTION lease_new_deliveries(text, integer, text[], integer[], text, text,"
        " double precision, double precision)"
    )
    op.execute(
        "DROP FUNCTION lease_deliveries(integer, text[], double precision, text[],"
        " double precision[])"
    )
