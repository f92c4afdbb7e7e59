"""0029 sign-in pace: until when an address or an account has used up its sign-ins."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import shared_table

revision, down_revision = "0029", "0028"


def upgrade() -> None:
    op.create_table(
        "sign_in_pace",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("rested_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_sign_in_pace"),
    )
    op.create_index("ix_sign_in_pace_rested", "sign_in_pace", ["rested_at"])
    # Of no tenant: nobody has signed in yet.
    shared_table("sign_in_pace", rights="SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("sign_in_pace")
