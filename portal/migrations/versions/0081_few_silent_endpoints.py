"""0081 few silent endpoints: the search for paused endpoints without deliveries looks at few of
those that have some."""

from portal.migrations.functions import replace

revision, down_revision = "0081", "0080"


def upgrade() -> None:
    replace("0081", "silent_endpoints")


def downgrade() -> None:
    replace("0071", "silent_endpoints")
