"""0078 counts that hold: a crash leaves no count of requests or tokens below zero."""

from portal.migrations.functions import replace

revision, down_revision = "0078", "0077"


def upgrade() -> None:
    replace("0078", "return_slices", "correct_tokens")


def downgrade() -> None:
    replace("0045", "return_slices")
    replace("0034", "correct_tokens")
