"""0027 no find api key: nothing calls this function any more; the gate has a cache of its own."""

from alembic import op

from portal.migrations.tenancy import APP_ROLE

revision, down_revision = "0027", "0026"

FIND_API_KEY = """
CREATE FUNCTION find_api_key(digest text) RETURNS TABLE (
    tenant_id text, id text, name text, scopes jsonb, blocked boolean, revoked_at timestamptz,
    expires_at timestamptz, application_id text, application_slug text, application_status text,
    asked_at timestamptz
) LANGUAGE plpgsql VOLATILE ROWS 1 SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found api_key%ROWTYPE;
BEGIN
    PERFORM set_config('app.credential', digest, true);
    SELECT * INTO found FROM api_key WHERE key_hash = digest;
    PERFORM set_config('app.credential', '', true);
    IF found.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.tenant_id', found.tenant_id, true);
    RETURN QUERY
        SELECT found.tenant_id::text, found.id::text, found.name::text, found.scopes,
            found.blocked, found.revoked_at, found.expires_at, found.application_id::text,
            application.slug::text, application.status::text, now()
        FROM (SELECT) AS one
        LEFT JOIN application
            ON application.tenant_id = found.tenant_id AND application.id = found.application_id;
END $$
"""


def upgrade() -> None:
    op.execute("DROP FUNCTION find_api_key(text)")


def downgrade() -> None:
    op.execute(FIND_API_KEY)
    op.execute("REVOKE EXECUTE ON FUNCTION find_api_key(text) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION find_api_key(text) TO {APP_ROLE}")
