-- Returns the tenants that have a key which expires within one of these numbers of days, and for
-- which the notice of that number was not sent yet. A key has none while a successor works.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_expiry_notices(
    after_tenant text, at_most integer, days integer[]
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM api_key k CROSS JOIN LATERAL (
            SELECT min(ahead) AS ahead FROM unnest(days) ahead
            WHERE k.expires_key <= now() + make_interval(days => ahead)
        ) notice
        WHERE k.tenant_id = t.id AND k.expires_key > now()
            AND k.expires_key < now() + make_interval(days => (SELECT max(d) FROM unnest(days) d))
            AND k.parent_key_id IS NULL AND k.revoked_at IS NULL
            AND (k.revoke_at IS NULL OR k.revoke_at > now())
            AND k.created_at <= k.expires_key - make_interval(days => notice.ahead)
            AND NOT EXISTS (SELECT FROM api_key s
                WHERE s.tenant_id = k.tenant_id AND s.rotated_from_key_id = k.id
                AND s.revoked_at IS NULL AND (s.revoke_at IS NULL OR s.revoke_at > now())
                AND s.expires_key > now())
            AND NOT EXISTS (SELECT FROM key_notice n
                WHERE n.tenant_id = k.tenant_id AND n.key_id = k.id
                AND n.what = 'expiring_' || notice.ahead AND n.about = k.expires_key) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
