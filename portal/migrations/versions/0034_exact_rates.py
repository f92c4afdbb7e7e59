"""0034 exact rates: no 60 seconds ever admit more than a key's limit; calls are decided in batches.

The counts of a minute and the one before, weighed by time, let through half as much again at an
onset. They are kept by slots of two seconds now. key_window stays for pages of the release before.
"""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0034", "0033"

COUNT_ON = """
INSERT INTO key_rate (tenant_id, key_id, newest, requests, tokens, requests_sum, tokens_sum)
SELECT tenant_id, key_id, floor(extract(epoch FROM clock_timestamp()) / 2) + 4,
    array_fill(0::bigint, ARRAY[30]) || counted.requests || array_fill(0::bigint, ARRAY[4]),
    array_fill(0::bigint, ARRAY[30]) || counted.tokens || array_fill(0::bigint, ARRAY[4]),
    counted.requests, counted.tokens
FROM key_window, LATERAL (
    SELECT requests + requests_before AS requests, tokens + tokens_before AS tokens
) AS counted
WHERE bucket >= floor(extract(epoch FROM clock_timestamp()) / 60) - 1
"""

NEW = ("rate_at", "rate_fits_in", "admit_calls", "return_slices", "correct_tokens")
CHANGED = ("admit_key", "settle_reservation", "settle_piece")


def upgrade() -> None:
    slots: dict[str, object] = {"nullable": False}
    count: dict[str, object] = {"server_default": "0", "nullable": False}
    op.create_table(
        "key_rate",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("newest", sa.BigInteger(), **count),
        sa.Column("requests", sa.ARRAY(sa.BigInteger()), server_default="{}", **slots),
        sa.Column("tokens", sa.ARRAY(sa.BigInteger()), server_default="{}", **slots),
        sa.Column("requests_sum", sa.BigInteger(), **count),
        sa.Column("tokens_sum", sa.BigInteger(), **count),
        sa.PrimaryKeyConstraint("tenant_id", "key_id", name="pk_key_rate"),
        postgresql_with={"fillfactor": "50"},
    )
    # What runs in this minute goes on counting, for as long as it possibly can.
    op.execute("ALTER TABLE key_window NO FORCE ROW LEVEL SECURITY")
    op.execute(COUNT_ON)
    op.execute("ALTER TABLE key_window FORCE ROW LEVEL SECURITY")
    tenant_table("key_rate")
    replace("0034", *NEW, *CHANGED)


def downgrade() -> None:
    replace("0033", *CHANGED)
    for name in reversed(NEW):
        op.execute(f"DROP FUNCTION {name}")
    op.drop_table("key_rate")
