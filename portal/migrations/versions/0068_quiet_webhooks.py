"""0068 quiet webhooks: a success does not change a webhook that has just had one."""

from portal.migrations.functions import replace

revision, down_revision = "0068", "0067"


def upgrade() -> None:
    replace("0068", "record_attempts")


def downgrade() -> None:
    replace("0067", "record_attempts")
