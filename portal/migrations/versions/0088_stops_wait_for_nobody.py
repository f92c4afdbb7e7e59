"""0088 stops wait for nobody: whether an application or an issuing key still works is checked when
a new record is committed, and no longer by a lock that is held until then."""

from alembic import op

from portal.migrations import live
from portal.migrations.functions import replace

revision, down_revision = "0088", "0087"

TRIGGERS = {
    "api_key_of_open_application": "api_key",
    "connector_of_open_application": "connector",
    "webhook_of_open_application": "webhook",
    "api_key_issued": "api_key",
}


def upgrade() -> None:
    live.lock("api_key", "connector", "webhook", mode="SHARE ROW EXCLUSIVE")
    replace("0088", "check_open_application", "check_issuer", *TRIGGERS)


def downgrade() -> None:
    live.lock("api_key", "connector", "webhook")
    for trigger, table in TRIGGERS.items():
        op.execute(f"DROP TRIGGER {trigger} ON {table}")
    op.execute("DROP FUNCTION check_open_application, check_issuer")
