-- Returns the endpoints after the given one that have a due delivery, over all tenants, without the
-- busy ones and those of a suspended or retired application. `is_probe` tells that a paused
-- endpoint should be tried, which is never one that was paused by hand. It reads rows of all
-- tenants, so it runs as the owner, which the policy `engine` allows. It returns ids and limits
-- only, no published data.
-- It looks at no more than `at_most_walked` endpoints with waiting deliveries, due or not, and at
-- none of the tenants in `not_of`. Where it stops, the row `is_last` says so: the next search goes
-- on after that endpoint, which itself is not due if `is_due` is false.
-- It jumps from endpoint to endpoint (a loose index scan): a million deliveries that wait at one
-- endpoint cost as much as one. The first one of an endpoint is the one that is due first. Webhooks
-- to which nothing may be sent are skipped in the table of webhooks, up to a hundred at a time: to
-- look for the deliveries of one costs a look into the index of each day.
-- An index has each order: while the tables have no statistics, PostgreSQL takes the webhooks of a
-- tenant for a few, and would sort all of them for each look.
-- Locks: none.
CREATE OR REPLACE FUNCTION next_due_endpoints(
    after_tenant text, after_webhook text, busy text[], not_of text[], at_most integer,
    at_most_walked integer
) RETURNS TABLE (
    tenant_id text, webhook_id text, is_due boolean, is_last boolean, is_probe boolean,
    is_ordered boolean, rate integer, ramp_seconds double precision
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_sort = off SET enable_bitmapscan = off AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH RECURSIVE waiting AS (
        (SELECT d.tenant_id, d.webhook_id, d.due_at, 1 AS walked FROM delivery d
         WHERE d.state IN ('pending', 'in_flight', 'retrying')
         AND (d.tenant_id, d.webhook_id) > (after_tenant, after_webhook)
         ORDER BY d.tenant_id, d.webhook_id, d.due_at LIMIT 1)
        UNION ALL
        SELECT following.tenant_id, following.webhook_id, following.due_at, waiting.walked + 1
        FROM waiting CROSS JOIN LATERAL (
            SELECT coalesce((
                SELECT next.id FROM (
                    SELECT w.id, w.is_active OR (w.enabled AND NOT w.is_deleted
                        AND w.pause_reason IS DISTINCT FROM 'by_hand') AS is_open
                    FROM webhook w
                    WHERE w.tenant_id = waiting.tenant_id AND w.id > waiting.webhook_id
                    ORDER BY w.id LIMIT 100
                ) next WHERE next.is_open LIMIT 1
            ), (
                SELECT w.id FROM webhook w
                WHERE w.tenant_id = waiting.tenant_id AND w.id > waiting.webhook_id
                ORDER BY w.id OFFSET 99 LIMIT 1
            ), 'zzz') AS webhook_id
        ) nearest CROSS JOIN LATERAL (
            SELECT d.tenant_id, d.webhook_id, d.due_at FROM delivery d
            WHERE d.state IN ('pending', 'in_flight', 'retrying')
            AND (d.tenant_id, d.webhook_id) >= (waiting.tenant_id, nearest.webhook_id)
            ORDER BY d.tenant_id, d.webhook_id, d.due_at LIMIT 1
        ) following
        WHERE waiting.walked < at_most_walked AND NOT waiting.tenant_id = ANY (not_of)
    )
    SELECT waiting.tenant_id::text, waiting.webhook_id::text, found.is_due, found.is_last,
        w.paused_at IS NOT NULL, w.ordered, w.rate_limit,
        extract(epoch FROM now() - e.resumed_at)::double precision
    FROM waiting
    LEFT JOIN webhook w ON w.tenant_id = waiting.tenant_id AND w.id = waiting.webhook_id
    LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
    LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
    CROSS JOIN LATERAL (SELECT
        w.id IS NOT NULL AND NOT w.tenant_id = ANY (not_of) AND NOT w.id = ANY (busy)
        AND coalesce(a.status, '') NOT IN ('suspended', 'retired')
        AND (w.is_active OR coalesce(w.enabled AND NOT w.is_deleted
            AND w.pause_reason IS DISTINCT FROM 'by_hand' AND e.next_probe_at <= now(), false))
        AND (e.not_before IS NULL OR e.not_before <= now())
        AND (w.paused_at IS NOT NULL OR waiting.due_at <= now()) AS is_due,
        waiting.walked = at_most_walked OR waiting.tenant_id = ANY (not_of) AS is_last
    ) found
    WHERE found.is_due OR found.is_last
    LIMIT at_most;
END $$;
