"""0046 delivery workers: one lease for all that a worker has in hand, and who has a delivery."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace
from portal.migrations.partitions import lend
from portal.migrations.tenancy import shared_table

revision, down_revision = "0046", "0045"

FUNCTION = "deliveries_of_worker(integer, text, text, integer)"


def upgrade() -> None:
    op.create_table(
        "delivery_worker",
        sa.Column("number", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("alive_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_delivery_worker"),
    )
    shared_table("delivery_worker", rights="SELECT, INSERT, UPDATE, DELETE")
    op.add_column("delivery", sa.Column("holder", sa.Integer()))
    replace("0046", "deliveries_of_worker")
    lend(FUNCTION)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {FUNCTION}")
    op.drop_column("delivery", "holder")
    op.drop_table("delivery_worker")
