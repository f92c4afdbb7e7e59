"""0008 failing webhooks: find those whose last delivery failed without reading all of them."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0008", "0007"


def upgrade() -> None:
    op.create_index(
        "ix_webhook_failing",
        "webhook",
        ["tenant_id", "last_delivery_at"],
        postgresql_where=sa.text(
            "is_active AND last_delivery_status NOT IN ('delivered', 'sending')"
        ),
    )


def downgrade() -> None:
    op.drop_index("ix_webhook_failing", "webhook")
