"""0047 shared housekeeping: whose turn a job is, and which tenants have something due for it."""

import sqlalchemy as sa
from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace
from portal.migrations.partitions import lend
from portal.migrations.tenancy import shared_table

revision, down_revision = "0047", "0046"

# A function of the owner → its arguments after (after_tenant text, at_most integer).
DUE = {
    "due_answers": "interval",
    "due_purges": "text, interval",
    "due_sessions": "interval, interval, interval",
    "due_reservations": "",
    "due_revocations": "",
    "due_rotations": "interval, interval",
    "due_expiry_notices": "integer[]",
    "due_unused_notices": "interval",
    "due_concerns": "interval, interval",
    "due_sealed_keys": "",
    "due_key_uses": "interval, integer, interval",
    "due_first_counts": "text[]",
    "due_measurements": "",
    "due_inbound": "interval",
    "due_attempts": "interval",
    "due_old_events": "integer",
    "due_old_deliveries": "integer",
}
READ = (
    "api_key",
    "api_key_runtime",
    "connector",
    "delivery_attempt",
    "event",
    "event_settings",
    "event_type",
    "idempotency_key",
    "inbound_mark",
    "inbound_request",
    "key_concern",
    "key_denial",
    "key_notice",
    "key_rotation",
    "key_use",
    "person",
    "quota_count",
    "quota_stored",
    "quota_stored_day",
    "sealed_key",
    "spend_reservation",
    "web_session",
)
ENGINE = """
DO $$ BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_policy WHERE polname = 'engine' AND polrelid = '{0}'::regclass
    ) THEN
        CREATE POLICY engine ON {0} FOR SELECT TO CURRENT_USER USING (true);
    END IF;
END $$
"""


def upgrade() -> None:
    # A policy locks its table for a moment. Each has a transaction of its own, so that no table
    # waits for the next one; what is there already is left alone when this is run again.
    with live.in_steps():
        for table in READ:
            op.execute(ENGINE.format(table))
    op.create_table(
        "housekeeping_turn",
        sa.Column("job", sa.String(80), nullable=False),
        sa.Column("every", sa.Interval(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("worker", sa.String(40)),
        sa.Column("after_tenant", sa.String(40), server_default="", nullable=False),
        sa.Column("leaves_more", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("has_failed", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("job", name="pk_housekeeping_turn"),
        postgresql_with={"fillfactor": "50"},
    )
    shared_table("housekeeping_turn", rights="SELECT, INSERT, UPDATE")
    op.add_column(
        "quota_stored", sa.Column("is_stale", sa.Boolean(), server_default="false", nullable=False)
    )
    replace("0047", *DUE)
    for name in DUE:
        lend(_signature(name))


def downgrade() -> None:
    for name in DUE:
        op.execute(f"DROP FUNCTION {_signature(name)}")
    op.drop_column("quota_stored", "is_stale")
    op.drop_table("housekeeping_turn")
    for table in READ:
        op.execute(f"DROP POLICY engine ON {table}")


def _signature(name: str) -> str:
    return f"{name}({', '.join(filter(None, ('text, integer', DUE[name])))})"
