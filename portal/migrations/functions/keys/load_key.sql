-- Returns the key of this hash (hex SHA-256), or no row, with everything that decides about it: its
-- own fields, the stricter of its own and its parent's state and times, its application's slug,
-- status and allowed scopes, and the tenant's time zone. Enters the key's tenant for the rest of
-- the transaction. A child does not work without its parent. An empty list of an application's
-- scopes allows everything. `is_deleted` is true also for a key that was revoked: no clock decides
-- whether it was, and the database's may have gone back since. Runs as the owner, because only the
-- owner has the policy that finds a key by its hash; row-level security applies to the owner too.
-- Locks: none.
CREATE OR REPLACE FUNCTION load_key(digest text) RETURNS TABLE (
    tenant_id text, id text, name text, kind text, scopes jsonb, allowed_models jsonb,
    allowed_ips jsonb, rpm_limit integer, tpm_limit integer, max_uses integer,
    max_budget_usd numeric, budget_period text, family_id text, blocked boolean,
    blocked_reason text, revoked_at timestamptz, expires_at timestamptz,
    brownout_from timestamptz, is_deleted boolean, application_id text, application_slug text,
    application_status text, parent_key_id text, time_zone text
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found api_key%ROWTYPE;
    parent api_key%ROWTYPE;
BEGIN
    PERFORM set_config('app.credential', digest, true);
    SELECT * INTO found FROM api_key WHERE key_hash = digest;
    PERFORM set_config('app.credential', '', true);
    IF found.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.tenant_id', found.tenant_id, true);
    IF found.parent_key_id IS NOT NULL THEN
        SELECT * INTO parent FROM api_key
        WHERE tenant_id = found.tenant_id AND id = found.parent_key_id;
    END IF;
    -- A child stands and falls with its parent; it names no time of its own that is later.
    RETURN QUERY
        SELECT found.tenant_id::text, found.id::text, found.name::text, found.kind::text,
            CASE WHEN coalesce(application.allowed_scopes, '[]') = '[]' THEN found.scopes
            ELSE (SELECT coalesce(jsonb_agg(scope), '[]')
                FROM jsonb_array_elements_text(found.scopes) AS scope
                WHERE jsonb_exists(application.allowed_scopes, scope)) END, found.allowed_models, found.allowed_ips, found.rpm_limit,
            found.tpm_limit, found.max_uses, found.max_budget_usd, found.budget_period::text,
            coalesce(found.rotation_family_id, found.id)::text,
            found.blocked OR coalesce(parent.blocked, false),
            coalesce(found.blocked_reason, parent.blocked_reason)::text,
            least(found.revoked_at, found.revoke_at, parent.revoked_at, parent.revoke_at),
            least(found.expires_at, parent.expires_at),
            coalesce(found.brownout_from, parent.brownout_from),
            found.is_deleted OR found.revoked_at IS NOT NULL
                OR coalesce(parent.is_deleted OR parent.revoked_at IS NOT NULL, false), found.application_id::text,
            application.slug::text, application.status::text, found.parent_key_id::text,
            tenant.time_zone::text
        FROM tenant
        LEFT JOIN application
            ON application.tenant_id = found.tenant_id AND application.id = found.application_id
        WHERE tenant.id = found.tenant_id;
END $$;
