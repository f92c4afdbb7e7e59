-- Returns the tenants that have a connector whose next check is due.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_checks(after_tenant text, at_most integer) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM connector_standing s
        WHERE s.tenant_id = t.id AND s.next_check_at <= now() LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
