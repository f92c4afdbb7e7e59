-- Returns the tenants that have a record of this table, deleted longer than `age` ago.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_purges(
    after_tenant text, at_most integer, kind text, age interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT FROM connector r WHERE kind = 'connector'
            AND r.tenant_id = t.id AND r.is_deleted AND r.deleted_at < now() - age LIMIT 1)
        UNION ALL
        (SELECT FROM webhook r WHERE kind = 'webhook'
            AND r.tenant_id = t.id AND r.is_deleted AND r.deleted_at < now() - age LIMIT 1)
        UNION ALL
        (SELECT FROM event_type r WHERE kind = 'event_type'
            AND r.tenant_id = t.id AND r.is_deleted AND r.deleted_at < now() - age LIMIT 1)
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
