-- Returns the tenants that have money reserved for a call that was not settled in time.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_reservations(after_tenant text, at_most integer) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM spend_reservation s
        WHERE s.tenant_id = t.id AND s.released_at IS NULL AND s.expires_at <= now()
            AND (s.secret IS NULL OR s.usd > 0) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
