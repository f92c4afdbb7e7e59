"""0078 counts that hold: a crash leaves no count of requests or tokens below zero, and reservations
that have expired are released a part at a time."""

from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0078", "0077"


def upgrade() -> None:
    replace("0078", "return_slices", "correct_tokens")
    replace("0078", "release_some", "release_expired", "admit_calls")


def downgrade() -> None:
    replace("0075", "admit_calls")
    replace("0070", "release_expired")
    replace("0045", "return_slices")
    replace("0034", "correct_tokens")
    op.execute("DROP FUNCTION release_some(text, text, timestamptz, integer, text)")
