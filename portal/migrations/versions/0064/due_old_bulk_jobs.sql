-- Returns the tenants that have a bulk job to forget: one that ended longer ago than `age`, or one
-- older than a day that was never confirmed.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_old_bulk_jobs(after_tenant text, at_most integer, age interval) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM bulk_job j
        WHERE j.tenant_id = t.id AND j.created_at < now() - interval '1 day'
            AND (j.confirmed_at IS NULL OR j.ended_at < now() - age)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
