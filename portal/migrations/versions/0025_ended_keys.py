"""0025 ended keys: the list of revoked keys has those too whose planned end has just come."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0025", "0024"

ENDED = "revoked_at IS NOT NULL OR revoke_at IS NOT NULL"


def upgrade() -> None:
    op.create_index(
        "ix_api_key_ended", "api_key", ["tenant_id", "id"], postgresql_where=sa.text(ENDED)
    )
    op.drop_index("ix_api_key_revoked", "api_key")


def downgrade() -> None:
    op.create_index(
        "ix_api_key_revoked",
        "api_key",
        ["tenant_id", "id"],
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.drop_index("ix_api_key_ended", "api_key")
