-- Returns the tenants that have a key which nobody has used for `age`, and for which no notice of
-- that was sent yet.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_unused_notices(
    after_tenant text, at_most integer, age interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM api_key_runtime u
        JOIN api_key k ON k.tenant_id = u.tenant_id AND k.id = u.key_id
        WHERE u.tenant_id = t.id AND u.used_on <= now() - age
            AND coalesce(u.last_used_at, k.created_at) <= now() - age
            AND k.parent_key_id IS NULL AND k.revoked_at IS NULL
            AND (k.revoke_at IS NULL OR k.revoke_at > now()) AND k.expires_key > now()
            AND NOT EXISTS (SELECT FROM key_notice n
                WHERE n.tenant_id = k.tenant_id AND n.key_id = k.id AND n.what = 'unused'
                AND n.about = coalesce(u.last_used_at, k.created_at)) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
