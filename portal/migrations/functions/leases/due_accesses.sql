-- Returns the tenants that have a connector which a worker may take: what it hands out has to be
-- fetched, renewed or taken away, or its worker is gone. It reads the index of due rows alone,
-- because every worker asks again and again.
-- `busy` are those of which the worker has as many in hand as it takes; they may not hide others.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_accesses(at_most integer, busy text[]) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT tenant_id FROM (
        SELECT a.tenant_id, min(a.due_at) AS due_at FROM (
            SELECT tenant_id, due_at FROM connector_access
            WHERE due_at <= now() AND tenant_id <> ALL (busy)
            ORDER BY due_at LIMIT 1000
        ) a GROUP BY a.tenant_id
    ) waiting
    ORDER BY due_at LIMIT at_most
$$;
