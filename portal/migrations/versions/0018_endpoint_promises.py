"""0018 endpoint promises: a rate that all workers keep together, probes of silent endpoints, and
what was held for so long that it was given up."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.partitions import lend

revision, down_revision = "0018", "0017"

# Which paused endpoints are to be tried and have nothing to be tried with, over all tenants: asked
# across the tenants' wall like due_endpoints, and the answer is ids only. Of a table that has a row
# an endpoint, and the index names the few that are due.
SILENT_ENDPOINTS = """
CREATE FUNCTION silent_endpoints(at_most integer)
RETURNS TABLE (tenant_id text, webhook_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.tenant_id::text, w.id::text FROM endpoint e
    JOIN webhook w ON w.tenant_id = e.tenant_id AND w.id = e.webhook_id
    WHERE e.next_probe_at <= now()
    AND w.paused_at IS NOT NULL AND w.enabled AND NOT w.is_deleted
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
        AND d.state IN ('pending', 'in_flight', 'retrying'))
    ORDER BY e.next_probe_at LIMIT at_most;
END $$
"""


def upgrade() -> None:
    op.add_column("endpoint", sa.Column("paid_until", sa.DateTime(timezone=True)))
    op.add_column(
        "endpoint", sa.Column("expired", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("endpoint", sa.Column("expired_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_endpoint_probe",
        "endpoint",
        ["next_probe_at"],
        postgresql_where=sa.text("next_probe_at IS NOT NULL"),
    )
    op.execute(SILENT_ENDPOINTS)
    lend("silent_endpoints(integer)")


def downgrade() -> None:
    op.execute("DROP FUNCTION silent_endpoints(integer)")
    op.drop_index("ix_endpoint_probe", "endpoint")
    for column in ("paid_until", "expired", "expired_at"):
        op.drop_column("endpoint", column)
