"""0090 given back at once: whoever stops or deletes a record waits for nobody who makes others."""

from portal.migrations.functions import replace

revision, down_revision = "0090", "0089"


def upgrade() -> None:
    replace("0090", "take_record", "take_records", "give_back_records")


def downgrade() -> None:
    replace("0055", "take_records")
    replace("0044", "take_record")
    replace("0039", "give_back_records")
