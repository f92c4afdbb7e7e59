"""0083 revoked, whatever the clock: a key that was revoked stays so when the database's clock goes
back."""

from portal.migrations.functions import replace

revision, down_revision = "0083", "0082"


def upgrade() -> None:
    replace("0083", "load_key")


def downgrade() -> None:
    replace("0082", "load_key")
