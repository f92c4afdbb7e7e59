"""The common columns of every record of the specification, as of schema version 1."""

from typing import Any

import sqlalchemy as sa


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
