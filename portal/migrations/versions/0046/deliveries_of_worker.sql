-- Returns the endpoints after the given one that have a delivery waiting, over all tenants, each
-- with the ids of the deliveries that the given worker has in hand there; most have none. Like
-- due_endpoints it runs as the owner, returns only ids, and jumps from endpoint to endpoint. Of each
-- it reads what is due around the end of the worker's leases: a backlog lies before that.
-- Locks: none.
CREATE OR REPLACE FUNCTION deliveries_of_worker(
    worker integer, after_tenant text, after_webhook text, at_most integer
) RETURNS TABLE (tenant_id text, webhook_id text, ids text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    seen timestamptz := (SELECT alive_until FROM delivery_worker WHERE number = worker);
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
    SELECT waiting.tenant_id::text, waiting.webhook_id::text, ARRAY(
        SELECT d.id::text FROM delivery d
        WHERE d.tenant_id = waiting.tenant_id AND d.webhook_id = waiting.webhook_id
        AND d.state IN ('pending', 'in_flight', 'retrying')
        AND d.due_at BETWEEN seen - interval '1 minute' AND seen + interval '2 minutes'
        AND d.state = 'in_flight' AND d.holder = worker)
    FROM waiting LIMIT at_most;
END $$;
