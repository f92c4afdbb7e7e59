"""0032 used-up budgets: who holds slices of a budget hears at once that it is used up."""

from alembic import op

from portal.migrations.key_slices import USED_UP, USED_UP_TRIGGER

revision, down_revision = "0032", "0031"


def upgrade() -> None:
    op.execute(USED_UP)
    op.execute(USED_UP_TRIGGER)


def downgrade() -> None:
    op.execute("DROP TRIGGER key_budget_used_up ON key_budget")
    op.execute("DROP FUNCTION note_used_up")
