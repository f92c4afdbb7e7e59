-- Returns the tenants whose records of one of these kinds were never counted.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_first_counts(
    after_tenant text, at_most integer, kinds text[]
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM unnest(kinds) wanted (kind) WHERE NOT EXISTS (
            SELECT FROM quota_count c WHERE c.tenant_id = t.id AND c.kind = wanted.kind) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
