-- Returns the tenants that have a lease older than `age`.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_leases(after_tenant text, at_most integer, age interval) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM connector_lease l
        WHERE l.tenant_id = t.id AND l.created_at < now() - age LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
