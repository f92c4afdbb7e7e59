"""0079 slices that are held: what nobody holds is returned beside a slice that another transaction
holds."""

from portal.migrations.functions import replace

revision, down_revision = "0079", "0078"


def upgrade() -> None:
    replace("0079", "return_slices")


def downgrade() -> None:
    replace("0078", "return_slices")
