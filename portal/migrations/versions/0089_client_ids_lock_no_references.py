"""0089 client ids lock no references: a partial unique index is no key, so a change of
`oauth_client_id` waits for no transaction that makes records for the application."""

from alembic import op

from portal.migrations import live

revision, down_revision = "0089", "0088"

NAME, NEW = "uq_application_oauth_client_id", "uq_application_oauth_client_id_new"


def upgrade() -> None:
    with live.in_steps():
        if not live.run("SELECT FROM pg_constraint WHERE conname = %s", NAME):
            return  # a run that was killed had done it
        columns = "(tenant_id, oauth_client_id) WHERE oauth_client_id IS NOT NULL"
        live.index(NEW, f"application {columns}", kind="UNIQUE INDEX")
        with live.transaction("application"):
            live.run(f"ALTER TABLE application DROP CONSTRAINT {NAME}")
            live.run(f"ALTER INDEX {NEW} RENAME TO {NAME}")


def downgrade() -> None:
    op.drop_index(NAME, "application")
    op.create_unique_constraint(NAME, "application", ["tenant_id", "oauth_client_id"])
