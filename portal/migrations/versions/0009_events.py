"""0009 events: what happened, the publishers' own ids, and the catalogue of types."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.migrations.envelope import envelope
from portal.migrations.partitions import rest_partition
from portal.migrations.tenancy import tenant_table

revision, down_revision = "0009", "0008"


def _moment(name: str) -> sa.Column[object]:
    now = sa.func.now()
    return sa.Column(name, sa.DateTime(timezone=True), server_default=now, nullable=False)


def upgrade() -> None:
    _event()
    _event_key()
    _event_type()


def _event() -> None:
    op.create_table(
        "event",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("client_id", sa.String(200)),
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("subject", sa.String(200)),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        _moment("occurred_at"),
        _moment("received_at"),
        sa.Column("application_id", sa.String(40)),
        sa.Column("app_id", sa.String(80)),
        sa.Column("actor_id", sa.String(80), nullable=False),
        sa.Column("actor_name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_event"),
        postgresql_partition_by="RANGE (id)",
    )
    op.create_index("ix_event_type", "event", ["tenant_id", "type", "id"])
    op.create_index("ix_event_subject", "event", ["tenant_id", "subject", "id"])
    op.create_index("ix_event_client_id", "event", ["tenant_id", "client_id"])
    tenant_table("event", rights="SELECT, INSERT, DELETE")
    rest_partition("event")


def _event_key() -> None:
    op.create_table(
        "event_key",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("event_id", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "client_id", name="pk_event_key"),
    )
    op.create_index("ix_event_key_event", "event_key", ["tenant_id", "event_id"])
    tenant_table("event_key", rights="SELECT, INSERT, DELETE")


def _event_type() -> None:
    op.create_table(
        "event_type",
        *envelope(),
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("display_name", sa.String(200), server_default="", nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("json_schema", postgresql.JSONB()),
        sa.Column("example", postgresql.JSONB()),
        sa.Column("deprecated", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("validation", sa.String(20), server_default="off", nullable=False),
        sa.Column("tags", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column(
            "name_key", sa.Text(), sa.Computed("lower(name)", persisted=True), nullable=False
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="pk_event_type"),
        sa.UniqueConstraint("tenant_id", "name", name="uq_event_type_name"),
        sa.CheckConstraint("validation IN ('off', 'reject')", name="ck_event_type_validation"),
    )
    op.create_index("ix_event_type_display_name", "event_type", ["tenant_id", "name_key", "id"])
    op.create_index("ix_event_type_updated", "event_type", ["tenant_id", "updated_at", "id"])
    tenant_table("event_type")


def downgrade() -> None:
    for table in ("event_type", "event_key", "event"):
        op.drop_table(table)
