"""0070 ids of calls: an id belongs to one call, with one key and one amount."""

from portal.migrations.functions import replace

revision, down_revision = "0070", "0069"

BEFORE_0069 = ("admit_calls", "settle_reservation")
CHANGED = ("release_expired", "spend_on_key")


def upgrade() -> None:
    replace("0070", *BEFORE_0069, *CHANGED)


def downgrade() -> None:
    replace("0034", *BEFORE_0069)
    replace("0069", *CHANGED)
