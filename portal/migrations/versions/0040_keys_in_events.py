"""0040 keys in events: let the tenant choose whether API keys in events are masked or refused."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0040", "0039"


def upgrade() -> None:
    # A constant default rewrites no row. The table has at most one row for each tenant.
    op.add_column(
        "event_settings",
        sa.Column("key_material", sa.String(10), server_default="mask", nullable=False),
    )
    op.create_check_constraint(
        "key_material", "event_settings", "key_material IN ('mask', 'refuse')"
    )


def downgrade() -> None:
    op.drop_column("event_settings", "key_material")
