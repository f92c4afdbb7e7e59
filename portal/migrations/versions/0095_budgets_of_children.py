"""0095 budgets of children: a changed budget looks at the whole family only where it has to."""

from portal.migrations.functions import replace

revision, down_revision = "0095", "0094"


def upgrade() -> None:
    replace("0095", "note_budget_change")


def downgrade() -> None:
    replace("0075", "note_budget_change")
