"""0066 wake engines: workers hear of a check or a lease that is due, and need not ask for it."""

from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0066", "0065"


def upgrade() -> None:
    replace("0066", "note_due_work", "connector_check_due", "connector_access_due")


def downgrade() -> None:
    op.execute("DROP TRIGGER connector_access_due ON connector_access")
    op.execute("DROP TRIGGER connector_check_due ON connector_check")
    op.execute("DROP FUNCTION note_due_work()")
