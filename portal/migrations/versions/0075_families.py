"""0075 families: each budget of a family has its own notices; slices leave room for other keys.

`announced_by_budget` is NULL in rows that exist: until their period ends, `announced_percent` says
what was announced about the budget of the key that pays next.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0075", "0074"

BEFORE = ("admit_calls", "spend_on_key", "touch_budget")
MADE = ("reached_percent", "family_budgets", "announce_thresholds", "tell_used_up")
TRIGGERED = ("note_budget_change", "api_key_budgeted", "api_key_joined")


def upgrade() -> None:
    live.lock("api_key", mode="SHARE ROW EXCLUSIVE")  # keys are verified meanwhile
    live.lock("key_budget")
    op.add_column("key_budget", sa.Column("announced_by_budget", JSONB))
    op.alter_column("key_budget", "announced_by_budget", server_default="{}")
    op.add_column("key_budget", sa.Column("next_notice_usd", sa.Numeric(18, 9), server_default="0"))
    op.execute("DROP TRIGGER key_budget_used_up ON key_budget")
    op.execute("DROP FUNCTION note_used_up()")
    replace("0075", *MADE, *BEFORE, *TRIGGERED)


def downgrade() -> None:
    live.lock("api_key", "key_budget")
    op.execute("DROP TRIGGER api_key_joined ON api_key")
    op.execute("DROP TRIGGER api_key_budgeted ON api_key")
    op.execute("DROP FUNCTION note_budget_change()")
    replace("0070", *BEFORE)
    op.execute("DROP FUNCTION announce_thresholds(text, text, numeric)")
    op.execute("DROP FUNCTION tell_used_up(text, text, numeric, numeric)")
    op.execute("DROP FUNCTION family_budgets(text, text, numeric)")
    op.execute("DROP FUNCTION reached_percent(numeric, numeric)")
    replace("0074", "note_used_up", "key_budget_used_up")
    op.drop_column("key_budget", "next_notice_usd")
    op.drop_column("key_budget", "announced_by_budget")
