"""0026 purge: what was deleted long ago is found by an index, and leaves no reference behind.

And an index for the paused webhooks, which the overview asks for.
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0026", "0025"

TABLES = ("connector", "webhook", "event_type")
# (name, table, column, the table that it names)
REFERENCES = (
    ("fk_webhook_connector", "webhook", "connector_id", "connector"),
    ("fk_connector_webhook_endpoint", "connector", "webhook_endpoint_id", "webhook"),
)


def upgrade() -> None:
    for table in TABLES:
        op.create_index(
            f"ix_{table}_deleted",
            table,
            ["tenant_id", "deleted_at"],
            postgresql_where=sa.text("is_deleted"),
        )
    op.create_index(
        "ix_webhook_paused",
        "webhook",
        ["tenant_id", "last_delivery_at"],
        postgresql_where=sa.text("paused_at IS NOT NULL AND NOT is_deleted"),
    )
    for name, table, column, other in REFERENCES:
        _refer(name, table, column, other, f"SET NULL ({column})")


def downgrade() -> None:
    for name, table, column, other in REFERENCES:
        _refer(name, table, column, other, None)
    op.drop_index("ix_webhook_paused", "webhook")
    for table in TABLES:
        op.drop_index(f"ix_{table}_deleted", table)


def _refer(name: str, table: str, column: str, other: str, on_delete: str | None) -> None:
    op.drop_constraint(name, table, type_="foreignkey")
    columns = ["tenant_id", column], ["tenant_id", "id"]
    # The rows held to the same rule a moment ago, so that they need not be read again.
    op.create_foreign_key(
        name, table, other, *columns, ondelete=on_delete, postgresql_not_valid=True
    )
    op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")
