-- Returns the tenants that have an attempt older than `age` by its id, or a test by its time where
-- its id is of another kind, as it was in old releases.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_attempts(after_tenant text, at_most integer, age interval) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT FROM delivery_attempt a WHERE a.tenant_id = t.id
            AND a.id >= 'att' AND a.id < ulid_floor('att', now() - age) LIMIT 1)
        UNION ALL
        (SELECT FROM delivery_attempt a WHERE a.tenant_id = t.id AND a.id >= 'atu'
            AND a.delivery_id IS NULL AND a.created_at < now() - age LIMIT 1)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
