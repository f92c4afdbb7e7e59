"""The common columns of every record of the specification, and the table of a new resource."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import SchemaItem

from portal.migrations.tenancy import tenant_table


def envelope() -> list[sa.Column[Any]]:
    """Return the columns of schema version 1. Later changes are separate migrations."""
    now: dict[str, Any] = {"server_default": sa.func.now(), "nullable": False}
    return [
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("app_id", sa.String(80)),
        sa.Column("created_at", sa.DateTime(timezone=True), **now),
        sa.Column("updated_at", sa.DateTime(timezone=True), **now),
        sa.Column("created_by", sa.String(80)),
        sa.Column("updated_by", sa.String(80)),
        sa.Column("source", sa.String(40), server_default="edm", nullable=False),
        sa.Column("source_type", sa.String(20), server_default="api", nullable=False),
        sa.Column("is_deleted", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("deleted_by", sa.String(80)),
        sa.Column("schema_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
    ]


def record_table(name: str, *own: SchemaItem) -> None:
    """Create the table of a new resource: the envelope, its `own` columns, and both walls.

    The index and the policy `engine` let the worker find in any tenant what is to be purged.
    """
    key = sa.PrimaryKeyConstraint("tenant_id", "id", name=f"pk_{name}")
    op.create_table(name, *envelope(), *own, key)
    op.create_index(
        f"ix_{name}_deleted",
        name,
        ["tenant_id", "deleted_at"],
        postgresql_where=sa.text("is_deleted"),
    )
    tenant_table(name, literal=True)
    op.execute(f"CREATE POLICY engine ON {name} FOR SELECT TO CURRENT_USER USING (true)")
