"""0065 views of logs: people also save views of deliveries, events and the audit log."""

from alembic import op

revision, down_revision = "0065", "0064"

RECORDS = "'applications', 'connectors', 'api-keys', 'webhooks', 'event-types'"
LOGS = "'deliveries', 'events', 'audit'"


def upgrade() -> None:
    _only(f"{RECORDS}, {LOGS}")


def downgrade() -> None:
    op.execute("DELETE FROM saved_view WHERE list IN ('deliveries', 'events', 'audit')")
    _only(RECORDS)


def _only(lists: str) -> None:
    op.execute(
        "ALTER TABLE saved_view DROP CONSTRAINT ck_saved_view_list,"
        f" ADD CONSTRAINT ck_saved_view_list CHECK (list IN ({lists})) NOT VALID"
    )
    op.execute("ALTER TABLE saved_view VALIDATE CONSTRAINT ck_saved_view_list")
