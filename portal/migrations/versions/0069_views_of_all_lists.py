"""0069 views of all lists: the portal knows which lists there are, the table need not."""

from alembic import op

revision, down_revision = "0069", "0068"


def upgrade() -> None:
    op.execute("ALTER TABLE saved_view DROP CONSTRAINT ck_saved_view_list")


def downgrade() -> None:
    op.execute(
        "ALTER TABLE saved_view ADD CONSTRAINT ck_saved_view_list CHECK (list IN"
        " ('applications', 'connectors', 'api-keys', 'webhooks', 'event-types',"
        " 'deliveries', 'events', 'audit')) NOT VALID"
    )
