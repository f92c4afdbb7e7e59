-- Returns the tenants that have a session which was revoked, last used or begun longer ago than
-- these. Reads the sessions of each tenant until it finds one.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_sessions(
    after_tenant text, at_most integer, revoked interval, unused interval, begun interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM web_session s
        WHERE s.tenant_id = t.id AND (s.revoked_at < now() - revoked
            OR s.last_seen_at < now() - unused OR s.created_at < now() - begun) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
