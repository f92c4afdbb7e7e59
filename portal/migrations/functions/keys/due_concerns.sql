-- Returns the tenants whose stored weaknesses of keys may be out of date: keys were used within
-- `recent`; or a person with a key has been away for `away`, and this is not stored; or a weakness
-- is stored that may be over, as many sources may be at any time.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_concerns(
    after_tenant text, at_most integer, away interval, recent interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT FROM key_use u
            WHERE u.tenant_id = t.id AND u.hour > now() - recent AND u.aspect = 'source' LIMIT 1)
        UNION ALL
        (SELECT FROM person p JOIN api_key k ON k.tenant_id = p.tenant_id
                AND (k.created_by_user_id = p.id OR k.issued_to_user_id = p.id)
            WHERE p.tenant_id = t.id AND p.last_seen_at < now() - away
            AND k.revoked_at IS NULL AND (k.revoke_at IS NULL OR k.revoke_at > now())
            AND NOT EXISTS (SELECT FROM key_concern c WHERE c.tenant_id = k.tenant_id
                AND c.concern = 'owner_gone' AND c.key_id = k.id) LIMIT 1)
        UNION ALL
        (SELECT FROM key_concern c
            WHERE c.tenant_id = t.id AND (c.concern <> 'owner_gone' OR NOT EXISTS (
                SELECT FROM api_key k JOIN person p ON p.tenant_id = k.tenant_id
                    AND (p.id = k.created_by_user_id OR p.id = k.issued_to_user_id)
                WHERE k.tenant_id = c.tenant_id AND k.id = c.key_id AND k.revoked_at IS NULL
                AND (k.revoke_at IS NULL OR k.revoke_at > now())
                AND p.last_seen_at < now() - away)) LIMIT 1)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
