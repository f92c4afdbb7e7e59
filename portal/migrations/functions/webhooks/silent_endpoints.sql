-- Returns the paused endpoints that are due for a probe but have no delivery to probe with, over
-- all tenants, without those that were paused by hand and those of a suspended or retired
-- application. It runs as the owner like next_due_endpoints, and returns only ids.
-- To look for the deliveries of one costs a look into the index of each day. So it looks at those
-- that became due last, and at those that have been due for longest: where very many have deliveries
-- and wait for their probes, the others are found as soon as they are due.
-- A webhook and its deliveries are looked up one by one, in subqueries that PostgreSQL cannot turn
-- into joins: while the tables have no statistics, it would read all of them instead. Where most
-- deliveries are of one webhook, it takes those of another one to be near as well: only the order
-- makes it look into the index of those that wait.
-- Locks: none.
CREATE OR REPLACE FUNCTION silent_endpoints(at_most integer)
RETURNS TABLE (tenant_id text, webhook_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH paused AS NOT MATERIALIZED (
        SELECT e.tenant_id, e.webhook_id, e.next_probe_at FROM endpoint e
        WHERE e.next_probe_at <= now() AND (
            SELECT w.paused_at IS NOT NULL AND w.pause_reason IS DISTINCT FROM 'by_hand'
                AND w.enabled AND NOT w.is_deleted AND coalesce((
                    SELECT a.status FROM application a
                    WHERE a.tenant_id = w.tenant_id AND a.id = w.application_id
                ), '') NOT IN ('suspended', 'retired')
            FROM webhook w WHERE w.tenant_id = e.tenant_id AND w.id = e.webhook_id)
    ), few AS MATERIALIZED (
        (SELECT * FROM paused ORDER BY next_probe_at DESC LIMIT 2 * at_most)
        UNION
        (SELECT * FROM paused ORDER BY next_probe_at LIMIT 2 * at_most)
    )
    SELECT few.tenant_id::text, few.webhook_id::text FROM few
    WHERE (
        SELECT d.id FROM delivery d WHERE d.tenant_id = few.tenant_id
        AND d.webhook_id = few.webhook_id AND d.state IN ('pending', 'in_flight', 'retrying')
        ORDER BY d.due_at, d.id LIMIT 1
    ) IS NULL
    ORDER BY few.next_probe_at LIMIT at_most;
END $$;
