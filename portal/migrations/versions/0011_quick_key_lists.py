"""0011 quick key lists: the look-up of a key by its hash no longer weighs on every list of keys.

Policies are joined by OR. With `credential` among them for the portal's role, PostgreSQL read a
list of keys as "of this tenant, or of this hash" and left the index that has the list's order. So
the policy is now the owner's alone, and the function that looks a key up runs as the owner, who is
held to row-level security like everybody: it sees the one key of the hash that it was given.
"""

from alembic import op

from portal.migrations.tenancy import APP_ROLE

revision, down_revision = "0011", "0010"

FUNCTION = "find_api_key(text)"


def upgrade() -> None:
    op.execute(f"ALTER FUNCTION {FUNCTION} SECURITY DEFINER SET search_path = public, pg_temp")
    op.execute(f"REVOKE EXECUTE ON FUNCTION {FUNCTION} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO {APP_ROLE}")
    op.execute("ALTER POLICY credential ON api_key TO CURRENT_USER")


def downgrade() -> None:
    op.execute("ALTER POLICY credential ON api_key TO PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {FUNCTION} TO PUBLIC")
    op.execute(f"ALTER FUNCTION {FUNCTION} SECURITY INVOKER RESET search_path")
