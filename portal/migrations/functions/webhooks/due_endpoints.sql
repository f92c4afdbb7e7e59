-- Returns the endpoints after the given one that have a due delivery, over all tenants, without the
-- busy ones and those of a suspended or retired application. `is_probe` tells that a paused
-- endpoint should be tried, which is never one that was paused by hand. It reads rows of all
-- tenants, so it runs as the owner, which the policy `engine` allows. It returns ids and limits
-- only, no published data. It jumps from endpoint to endpoint (a loose index scan). Only the release
-- before calls it; see next_due_endpoints.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_endpoints(
    after_tenant text, after_webhook text, busy text[], at_most integer
) RETURNS TABLE (
    tenant_id text, webhook_id text, is_probe boolean, is_ordered boolean, rate integer,
    ramp_seconds double precision
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE waiting AS (
        (SELECT d.tenant_id, d.webhook_id FROM delivery d
         WHERE d.state IN ('pending', 'in_flight', 'retrying') AND (d.tenant_id, d.webhook_id) > (after_tenant, after_webhook)
         ORDER BY d.tenant_id, d.webhook_id LIMIT 1)
        UNION ALL
        SELECT following.tenant_id, following.webhook_id FROM waiting CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.webhook_id FROM delivery d
            WHERE d.state IN ('pending', 'in_flight', 'retrying')
            AND (d.tenant_id, d.webhook_id) > (waiting.tenant_id, waiting.webhook_id)
            ORDER BY d.tenant_id, d.webhook_id LIMIT 1
        ) following
    )
    SELECT w.tenant_id::text, w.id::text, w.paused_at IS NOT NULL, w.ordered, w.rate_limit,
        extract(epoch FROM now() - e.resumed_at)::double precision
    FROM waiting
    JOIN webhook w ON w.tenant_id = waiting.tenant_id AND w.id = waiting.webhook_id
    LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
    LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
    WHERE NOT w.id = ANY (busy)
    AND coalesce(a.status, '') NOT IN ('suspended', 'retired')
    AND (w.is_active OR (w.enabled AND NOT w.is_deleted
        AND w.pause_reason IS DISTINCT FROM 'by_hand' AND e.next_probe_at <= now()))
    AND (e.not_before IS NULL OR e.not_before <= now())
    AND EXISTS (
        SELECT FROM delivery d
        WHERE d.tenant_id = w.tenant_id AND d.webhook_id = w.id
        AND d.state IN ('pending', 'in_flight', 'retrying') AND (w.paused_at IS NOT NULL OR d.due_at <= now())
    )
    LIMIT at_most;
END $$;
