"""0013 inbound requests: how an inbound webhook is verified, and what came in."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.partitions import lend
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0013", "0012"

# A request to /in/{id} names a webhook before the tenant is known. The one thing that is told
# across the tenants' wall is whose the webhook is, and only of an inbound one that is on, to who
# knows its id (80 random bits). Everything else is then read as that tenant, behind the wall. The
# owner of the function reads `webhook` by its policy `engine`.
TENANT_OF = """
CREATE FUNCTION tenant_of_inbound_webhook(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT tenant_id FROM webhook WHERE id = wanted AND direction = 'inbound' AND is_active)
"""


def _moment(name: str, default: object | None = None) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), server_default=default, nullable=default is None
    )


def upgrade() -> None:
    _webhook()
    _requests()
    op.execute(TENANT_OF)
    lend("tenant_of_inbound_webhook(text)")


def _webhook() -> None:
    op.add_column("webhook", sa.Column("inbound_scheme", sa.String(40)))
    op.add_column(
        "webhook",
        sa.Column("inbound_options", postgresql.JSONB(), server_default="{}", nullable=False),
    )
    # Those that are there already were given a Standard Webhooks secret.
    op.execute("ALTER TABLE webhook NO FORCE ROW LEVEL SECURITY")
    op.execute(
        "UPDATE webhook SET inbound_scheme = 'standard-webhooks' WHERE direction = 'inbound'"
    )
    op.execute("ALTER TABLE webhook FORCE ROW LEVEL SECURITY")
    op.create_check_constraint(
        "ck_webhook_inbound_scheme",
        "webhook",
        "(direction = 'inbound') = (inbound_scheme IS NOT NULL)",
    )
    op.create_index(
        "ix_webhook_inbound",
        "webhook",
        ["id"],
        postgresql_where=sa.text("direction = 'inbound'"),
    )


def _requests() -> None:
    op.create_table(
        "inbound_request",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        _moment("received_at", sa.func.now()),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("code", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("method", sa.String(10), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("body_bytes", sa.Integer(), nullable=False),
        sa.Column("credential_digest", sa.String(64)),
        sa.Column("source_ip", sa.String(60)),
        sa.Column("delivery_key", sa.String(200)),
        sa.Column("verified_with", sa.String(64)),
        _moment("verified_at"),
        sa.Column("verified_by", sa.String(80)),
        sa.Column("event_id", sa.String(40)),
        sa.Column("event_type", sa.String(128)),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_inbound_request"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_inbound_request_webhook",
            ondelete="CASCADE",
        ),
        sa.CheckConstraint("state IN ('accepted', 'quarantined')", name="ck_inbound_request_state"),
    )
    for name, columns in (
        ("webhook", ["webhook_id", "id"]),
        ("state", ["webhook_id", "state", "id"]),
        ("received", ["received_at"]),
    ):
        op.create_index(f"ix_inbound_request_{name}", "inbound_request", ["tenant_id", *columns])
    op.create_index(
        "uq_inbound_request_delivery",
        "inbound_request",
        ["tenant_id", "webhook_id", "delivery_key"],
        unique=True,
        postgresql_where=sa.text("state = 'accepted' AND delivery_key IS NOT NULL"),
    )
    tenant_table("inbound_request")


def downgrade() -> None:
    op.execute("DROP FUNCTION tenant_of_inbound_webhook(text)")
    op.drop_table("inbound_request")
    op.drop_index("ix_webhook_inbound", "webhook")
    op.drop_constraint("ck_webhook_inbound_scheme", "webhook")
    for column in ("inbound_options", "inbound_scheme"):
        op.drop_column("webhook", column)
