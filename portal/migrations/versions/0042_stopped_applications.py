"""0042 stopped applications: keep the reason, and stop what belongs to the application."""

import sqlalchemy as sa
from alembic import op

from portal.migrations.functions import replace

revision, down_revision = "0042", "0041"

FUNCTIONS = ("due_endpoints", "silent_endpoints", "tenant_of_inbound_webhook")
REOPENS_AS = "reopens_as IN ('draft', 'active', 'deprecated')"


def upgrade() -> None:
    op.add_column("application", sa.Column("status_reason", sa.String(500)))
    op.add_column("application", sa.Column("reopens_as", sa.String(20)))
    op.create_check_constraint(
        op.f("ck_application_reopens_as"), "application", REOPENS_AS, postgresql_not_valid=True
    )
    op.execute("ALTER TABLE application VALIDATE CONSTRAINT ck_application_reopens_as")
    # The owner's functions that read across tenants need the status of any application.
    op.execute("CREATE POLICY engine ON application FOR SELECT TO CURRENT_USER USING (true)")
    replace("0042", *FUNCTIONS)


def downgrade() -> None:
    replace("0041", *FUNCTIONS)
    op.execute("DROP POLICY engine ON application")
    op.drop_column("application", "reopens_as")
    op.drop_column("application", "status_reason")
