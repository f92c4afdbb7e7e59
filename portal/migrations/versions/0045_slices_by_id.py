"""0045 slices by id: find a slice that comes back by its id, and end what no longer exists."""

from portal.migrations.functions import replace

revision, down_revision = "0045", "0044"


def upgrade() -> None:
    replace("0045", "return_slices")


def downgrade() -> None:
    replace("0034", "return_slices")
