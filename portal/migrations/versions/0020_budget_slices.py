"""0020 budget slices: a busy process reserves money once and hands it on from memory."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.key_engine import RELEASE_EXPIRED
from portal.migrations.key_slices import FUNCTIONS
from portal.migrations.key_slices import RELEASE_EXPIRED as RELEASE_SLICES_TOO

revision, down_revision = "0020", "0019"


def upgrade() -> None:
    op.add_column("spend_reservation", sa.Column("secret", sa.LargeBinary()))
    for function in FUNCTIONS.values():
        op.execute(function)
    op.execute(RELEASE_SLICES_TOO)


def downgrade() -> None:
    op.execute(RELEASE_EXPIRED.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    for name in FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    op.drop_column("spend_reservation", "secret")
