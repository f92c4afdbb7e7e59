"""0010 deliveries: the queue, what the engine knows of an endpoint, who subscribes to what."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.partitions import (
    drop_partition_functions,
    lend,
    partition_functions,
    rest_partition,
)
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0010", "0009"

WAITING = "state IN ('pending', 'in_flight', 'retrying')"

# Which endpoints have something due, over all tenants: the one question that is asked across the
# tenants' wall, and the answer is ids and limits, nothing that was published. What is then done
# for an endpoint is done as its tenant, behind the wall. Hence the policies below: they let the
# owner of the function, which is not the role that the portal works as, read these three tables.
#
# It jumps from endpoint to endpoint (a loose index scan), so a million deliveries that wait at one
# endpoint cost as much as one.
DUE_ENDPOINTS = f"""
CREATE FUNCTION due_endpoints(
    after_tenant text, after_webhook text, busy text[], at_most integer
) RETURNS TABLE (
    tenant_id text, webhook_id text, is_probe boolean, is_ordered boolean, rate integer,
    ramp_seconds double precision
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE waiting AS (
        (SELECT d.tenant_id, d.webhook_id FROM delivery d
         WHERE d.{WAITING} AND (d.tenant_id, d.webhook_id) > (after_tenant, after_webhook)
         ORDER BY d.tenant_id, d.webhook_id LIMIT 1)
        UNION ALL
        SELECT following.tenant_id, following.webhook_id FROM waiting CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.webhook_id FROM delivery d
            WHERE d.{WAITING}
            AND (d.tenant_id, d.webhook_id) > (waiting.tenant_id, waiting.webhook_id)
            ORDER BY d.tenant_id, d.webhook_id LIMIT 1
        ) following
    )
    SELECT w.tenant_id::text, w.id::text, w.paused_at IS NOT NULL, w.ordered, w.rate_limit,
        extract(epoch FROM now() - e.resumed_at)::double precision
    FROM waiting
    JOIN webhook w ON w.tenant_id = waiting.tenant_id AND w.id = waiting.webhook_id
    LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
    WHERE NOT w.id = ANY (busy)
    AND (w.is_active OR (w.enabled AND NOT w.is_deleted AND e.next_probe_at <= now()))
    AND (e.not_before IS NULL OR e.not_before <= now())
    AND EXISTS (
        SELECT FROM delivery d
        WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
        AND d.{WAITING} AND (w.paused_at IS NOT NULL OR d.due_at <= now())
    )
    LIMIT at_most;
END $$
"""  # noqa: S608  one constant of this file


def _moment(name: str, default: object | None = None) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=default is None
    )


def upgrade() -> None:
    _webhook()
    _subscription()
    _endpoint()
    _delivery()
    _attempt()
    partition_functions()
    op.execute("SELECT ensure_day_partitions(14)")
    op.execute(DUE_ENDPOINTS)
    lend("due_endpoints(text, text, text[], integer)")
    for table in ("webhook", "endpoint", "delivery"):
        op.execute(f"CREATE POLICY engine ON {table} FOR SELECT TO CURRENT_USER USING (true)")


def _webhook() -> None:
    op.add_column(
        "webhook",
        sa.Column("filter", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    op.add_column("webhook", sa.Column("rate_limit", sa.Integer()))
    op.add_column(
        "webhook", sa.Column("ordered", sa.Boolean(), server_default="false", nullable=False)
    )
    op.add_column("webhook", sa.Column("pause_reason", sa.String(20)))


def _subscription() -> None:
    op.create_table(
        "webhook_subscription",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("pattern", sa.String(130), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint(
            "tenant_id", "pattern", "webhook_id", name="pk_webhook_subscription"
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_webhook_subscription_webhook",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_webhook_subscription_webhook", "webhook_subscription", ["tenant_id", "webhook_id"]
    )
    # Those that webhooks have already. The owner sees rows of tenants only while the wall does
    # not hold for it, which is until the next statement but one of this transaction.
    op.execute("ALTER TABLE webhook NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "INSERT INTO webhook_subscription (tenant_id, pattern, webhook_id)"
        " SELECT DISTINCT w.tenant_id, p.pattern, w.id FROM webhook w,"
        " jsonb_array_elements_text(w.event_types) AS p(pattern) WHERE w.direction = 'outbound'"
    )
    op.execute("ALTER TABLE webhook FORCE ROW LEVEL SECURITY")
    tenant_table("webhook_subscription")


def _endpoint() -> None:
    op.create_table(
        "endpoint",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("last_sequence", sa.BigInteger(), server_default="0", nullable=False),
        _moment("failing_since"),
        _moment("not_before"),
        sa.Column("throttles", sa.Integer(), server_default="0", nullable=False),
        _moment("next_probe_at"),
        sa.Column("probes", sa.Integer(), server_default="0", nullable=False),
        sa.Column("good_probes", sa.Integer(), server_default="0", nullable=False),
        _moment("resumed_at"),
        _moment("warned_at"),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", name="pk_endpoint"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_endpoint_webhook",
            ondelete="CASCADE",
        ),
    )
    tenant_table("endpoint")


def _delivery() -> None:
    now = sa.func.now()
    op.create_table(
        "delivery",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.Column("event_type", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(200)),
        sa.Column("state", sa.String(20), server_default="pending", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        _moment("due_at", now),
        sa.Column("token", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("sequence", sa.BigInteger()),
        _moment("created_at", now),
        _moment("completed_at"),
        sa.Column("outcome", sa.String(20)),
        sa.Column("status", sa.Integer()),
        sa.Column("origin", sa.String(20), server_default="event", nullable=False),
        sa.Column("replay_id", sa.String(40)),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_delivery"),
        sa.CheckConstraint(
            "state IN ('pending', 'in_flight', 'retrying', 'delivered', 'failed', 'expired',"
            " 'cancelled')",
            name="ck_delivery_state",
        ),
        postgresql_partition_by="RANGE (id)",
    )
    for name, columns, where in (
        ("due", ["tenant_id", "webhook_id", "due_at", "id"], WAITING),
        ("webhook", ["tenant_id", "webhook_id", "id"], None),
        ("sequence", ["tenant_id", "webhook_id", "sequence"], "sequence IS NOT NULL"),
        ("failed", ["tenant_id", "webhook_id", "id"], "state = 'failed'"),
        ("event", ["tenant_id", "event_id"], None),
        ("replay", ["tenant_id", "replay_id"], "replay_id IS NOT NULL"),
    ):
        op.create_index(
            f"ix_delivery_{name}",
            "delivery",
            columns,
            postgresql_where=sa.text(where) if where else None,
        )
    tenant_table("delivery")
    rest_partition("delivery")


def _attempt() -> None:
    """An attempt of the engine belongs to a delivery; a test stands alone."""
    op.add_column("delivery_attempt", sa.Column("delivery_id", sa.String(40)))
    op.add_column("delivery_attempt", sa.Column("event_id", sa.String(40)))
    op.add_column("delivery_attempt", sa.Column("number", sa.Integer()))
    op.create_index(
        "ix_delivery_attempt_delivery",
        "delivery_attempt",
        ["tenant_id", "delivery_id", "number"],
        postgresql_where=sa.text("delivery_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION due_endpoints(text, text, text[], integer)")
    op.execute("DROP POLICY engine ON webhook")
    drop_partition_functions()
    op.drop_index("ix_delivery_attempt_delivery", "delivery_attempt")
    for column in ("delivery_id", "event_id", "number"):
        op.drop_column("delivery_attempt", column)
    for table in ("delivery", "endpoint", "webhook_subscription"):
        op.drop_table(table)
    for column in ("filter", "rate_limit", "ordered", "pause_reason"):
        op.drop_column("webhook", column)
