"""0040 keys in events: the tenant says whether an API key in an event is masked or refused."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0040", "0039"


def upgrade() -> None:
    # A constant default: no row is written anew. The table has one row a tenant at most.
    op.add_column(
        "event_settings",
        sa.Column("key_material", sa.String(10), server_default="mask", nullable=False),
    )
    op.create_check_constraint(
        "key_material", "event_settings", "key_material IN ('mask', 'refuse')"
    )


def downgrade() -> None:
    op.drop_column("event_settings", "key_material")
