"""0093 silent lookups: the search for endpoints without deliveries uses one index, whatever
PostgreSQL's statistics say of the deliveries."""

from portal.migrations.functions import replace

revision, down_revision = "0093", "0092"


def upgrade() -> None:
    replace("0093", "silent_endpoints")


def downgrade() -> None:
    replace("0081", "silent_endpoints")
