-- Returns the tenants that have a key whose planned revocation is past and is not yet stored in
-- revoked_at.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_revocations(after_tenant text, at_most integer) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM api_key k
        WHERE k.tenant_id = t.id AND k.revoke_at <= now() AND k.revoked_at IS NULL LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
