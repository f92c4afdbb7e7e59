-- Returns the tenants that have a bulk job with rows to do now.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_bulk_jobs(after_tenant text, at_most integer) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT DISTINCT tenant_id FROM bulk_job
    WHERE state = 'running' AND next_at <= now() AND tenant_id > after_tenant
    ORDER BY tenant_id LIMIT at_most
$$;
