"""0044 no lock kept: free a part of a count that a creation looks at and passes over."""

from portal.migrations.functions import replace

revision, down_revision = "0044", "0043"


def upgrade() -> None:
    replace("0044", "take_record")


def downgrade() -> None:
    replace("0039", "take_record")
