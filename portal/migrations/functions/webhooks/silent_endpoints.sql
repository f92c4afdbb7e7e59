-- Returns the paused endpoints that are due for a probe but have no delivery to probe with, over
-- all tenants, without those that were paused by hand and those of a suspended or retired
-- application. It runs as the owner like due_endpoints, and returns only ids.
-- Locks: none.
CREATE OR REPLACE FUNCTION silent_endpoints(at_most integer)
RETURNS TABLE (tenant_id text, webhook_id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT w.tenant_id::text, w.id::text FROM endpoint e
    JOIN webhook w ON w.tenant_id = e.tenant_id AND w.id = e.webhook_id
    LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
    WHERE e.next_probe_at <= now()
    AND w.paused_at IS NOT NULL AND w.pause_reason IS DISTINCT FROM 'by_hand'
    AND w.enabled AND NOT w.is_deleted
    AND coalesce(a.status, '') NOT IN ('suspended', 'retired')
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
        AND d.state IN ('pending', 'in_flight', 'retrying'))
    ORDER BY e.next_probe_at LIMIT at_most;
END $$;
