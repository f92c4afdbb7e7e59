"""0038 signing keys anew: seal token signing keys under another secret key of the portal."""

from alembic import op

from portal.migrations.tenancy import APP_ROLE

revision, down_revision = "0038", "0037"


def upgrade() -> None:
    op.execute(f"GRANT UPDATE (sealed) ON token_signing_key TO {APP_ROLE}")


def downgrade() -> None:
    op.execute(f"REVOKE UPDATE (sealed) ON token_signing_key FROM {APP_ROLE}")
