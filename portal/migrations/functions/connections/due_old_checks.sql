-- Returns the tenants that have a check older than `age`, which may be forgotten.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_old_checks(after_tenant text, at_most integer, age interval) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM connector_check c
        WHERE c.tenant_id = t.id AND c.created_at < now() - age AND c.state = 'done' LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
