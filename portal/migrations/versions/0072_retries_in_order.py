"""0072 retries in order: no publication that began earlier comes before a retry."""

from portal.migrations.functions import replace

revision, down_revision = "0072", "0071"


def upgrade() -> None:
    replace("0072", "record_attempts")


def downgrade() -> None:
    replace("0071", "record_attempts")
