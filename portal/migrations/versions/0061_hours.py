"""0061 hours: the deliveries and the calls of keys of a tenant, counted by the hour.

The overview reads them: it costs the same after a million deliveries. What happened in the last day
before this release is counted here, without the times of the answers. A process of the release
before does not count: what it records after this migration is missing from these hours.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from portal.migrations import live
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0061", "0060"

BUDGETS = "ix_key_budget_nearly_used_up"
ENTER = "SELECT set_config('app.tenant_id', %s, true)"
DELIVERIES = """
INSERT INTO delivery_hour (tenant_id, hour, slot, delivered, failed)
SELECT tenant_id, date_trunc('hour', created_at, 'UTC'), 0,
    count(*) FILTER (WHERE state = 'delivered'), count(*) FILTER (WHERE state = 'failed')
FROM delivery WHERE tenant_id = %s AND id >= ulid_floor('dlv', now() - interval '24 hours')
GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""
CALLS = """
INSERT INTO key_hour (tenant_id, hour, slot, calls, denials)
SELECT tenant_id, hour, 0, coalesce(sum(calls) FILTER (WHERE aspect = 'call'), 0),
    coalesce(sum(calls) FILTER (WHERE aspect = 'denial'), 0)
FROM key_use WHERE tenant_id = %s AND hour >= now() - interval '24 hours'
AND aspect IN ('call', 'denial')
GROUP BY 1, 2 ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    if not live.exists("key_hour"):
        _hours("delivery_hour", "delivered", "failed")
        op.add_column(
            "delivery_hour",
            sa.Column("waits", ARRAY(sa.BigInteger), nullable=False, server_default="{}"),
        )
        _hours("key_hour", "calls", "denials")
    with live.in_steps():
        live.index(BUDGETS, "key_budget (tenant_id, family_id) WHERE announced_percent >= 80")
        for (tenant_id,) in live.run("SELECT id FROM tenant ORDER BY id"):
            with live.transaction():
                live.run(ENTER, tenant_id)
                live.run(DELIVERIES, tenant_id)
                live.run(CALLS, tenant_id)


def _hours(name: str, *counts: str) -> None:
    op.create_table(
        name,
        sa.Column("tenant_id", sa.String(40), primary_key=True),
        sa.Column("hour", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("slot", sa.SmallInteger, primary_key=True),
        *(sa.Column(count, sa.BigInteger, nullable=False, server_default="0") for count in counts),
    )
    tenant_table(name, literal=True)


def downgrade() -> None:
    op.execute(f"DROP INDEX {BUDGETS}")
    op.drop_table("key_hour")
    op.drop_table("delivery_hour")
