"""0080 bounded search: one search for due endpoints looks at a limited number of them."""

from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0080", "0079"


def upgrade() -> None:
    replace("0080", "next_due_endpoints")


def downgrade() -> None:
    op.execute("DROP FUNCTION next_due_endpoints(text, text, text[], text[], integer, integer)")
