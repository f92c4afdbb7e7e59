"""0075 families: slices of a budget leave room for the other keys of the family."""

from portal.migrations.functions import replace

revision, down_revision = "0075", "0074"


def upgrade() -> None:
    replace("0075", "admit_calls")


def downgrade() -> None:
    replace("0070", "admit_calls")
