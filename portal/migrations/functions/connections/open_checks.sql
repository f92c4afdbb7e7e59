-- Returns the tenants that have a check which a worker may take: one that waits, or one whose worker
-- is gone. It reads the index of open checks alone, because every worker asks again and again.
-- `busy` are those of which the worker has as many in hand as it takes; they may not hide others.
-- Locks: none.
CREATE OR REPLACE FUNCTION open_checks(at_most integer, busy text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT tenant_id FROM (
        SELECT c.tenant_id, min(c.due_at) AS due_at FROM (
            SELECT tenant_id, due_at FROM connector_check
            WHERE state IN ('queued', 'running') AND due_at <= now() AND tenant_id <> ALL (busy)
            ORDER BY due_at LIMIT 1000
        ) c GROUP BY c.tenant_id
    ) waiting
    ORDER BY due_at LIMIT at_most
$$;
