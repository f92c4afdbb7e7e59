"""0024 lab: events made for one webhook alone, and failures that the inbox has on order."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.tenancy import tenant_table

revision, down_revision = "0024", "0023"


def upgrade() -> None:
    op.add_column("event", sa.Column("only_for", sa.String(40)))
    op.create_table(
        "inbox_failure",
        sa.Column("tenant_id", sa.String(40), nullable=False),
        sa.Column("webhook_id", sa.String(40), nullable=False),
        sa.Column("name", sa.String(20), nullable=False),
        sa.Column("remaining", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "webhook_id", name="pk_inbox_failure"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_inbox_failure_webhook",
            ondelete="CASCADE",
        ),
    )
    tenant_table("inbox_failure")


def downgrade() -> None:
    op.drop_table("inbox_failure")
    op.drop_column("event", "only_for")
