"""0074 keys that stayed: a successor that has ended takes no key's notice of expiry away."""

from portal.migrations.functions import replace

revision, down_revision = "0074", "0073"


def upgrade() -> None:
    replace("0074", "due_expiry_notices")


def downgrade() -> None:
    replace("0047", "due_expiry_notices")
