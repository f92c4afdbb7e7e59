-- Leases new deliveries of these webhooks to a worker, at most as many of each as it has room for;
-- see lease_deliveries. They are between `first_id` and `last_id`. A webhook with a condition that
-- `due_endpoints` and the claim after it would check (a pause, an order, a rate limit and so on)
-- gets one row without a delivery instead: the search for due deliveries finds its ones.
-- Raises GONE1 if the other workers have declared this one dead: it claims nothing.
-- Enters the tenant for the rest of the transaction.
-- The ORDER BY uses the index of waiting deliveries: if the clocks of publishers differ, a million
-- ids may lie between `first_id` and `last_id`.
-- Locks: delivery_worker, shared, so that nobody releases this worker's deliveries meanwhile;
-- delivery, without those that another transaction has locked; then as lease_deliveries.
CREATE OR REPLACE FUNCTION lease_new_deliveries(
    tenant text, worker integer, webhooks text[], rooms integer[], first_id text, last_id text,
    ramp_seconds double precision, lease_seconds double precision
) RETURNS TABLE (
    id text, webhook_id text, event_id text, event_type text, token bigint, attempts integer,
    sequence bigint, origin text, replay_id text, data text, occurred_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    picked text[];
    conditional text[];
BEGIN
    PERFORM set_config('app.tenant_id', tenant, true);
    PERFORM FROM delivery_worker w
    WHERE w.number = worker AND w.alive_until > now() AND w.buried_at IS NULL FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'worker % was declared dead', worker USING ERRCODE = 'GONE1';
    END IF;
    SELECT array_agg(due.id) FILTER (WHERE due.id IS NOT NULL),
        array_agg(w.id) FILTER (WHERE NOT plain.is_plain) INTO picked, conditional
    FROM unnest(webhooks, rooms) AS o(webhook_id, room)
    JOIN webhook w ON w.tenant_id = tenant AND w.id = o.webhook_id
    LEFT JOIN endpoint e ON e.tenant_id = w.tenant_id AND e.webhook_id = w.id
    LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
    CROSS JOIN LATERAL (SELECT w.is_active AND w.paused_at IS NULL AND NOT w.ordered
        AND w.rate_limit IS NULL
        AND (e.resumed_at IS NULL OR e.resumed_at <= now() - make_interval(secs => ramp_seconds))
        AND (e.not_before IS NULL OR e.not_before <= now())
        AND coalesce(a.status, '') NOT IN ('suspended', 'retired') AS is_plain) AS plain
    LEFT JOIN LATERAL (
        SELECT d.id FROM delivery d
        WHERE d.tenant_id = tenant AND d.webhook_id = w.id AND plain.is_plain
        AND d.state = 'pending' AND d.due_at <= now() AND d.id BETWEEN first_id AND last_id
        ORDER BY d.due_at, d.id LIMIT o.room FOR UPDATE OF d SKIP LOCKED
    ) AS due ON true;
    IF picked IS NOT NULL THEN
        RETURN QUERY
        SELECT l.* FROM lease_deliveries(worker, picked, lease_seconds, '{}', '{}') AS l;
    END IF;
    IF conditional IS NOT NULL THEN
        RETURN QUERY
        SELECT NULL::text, c.id, NULL::text, NULL::text, NULL::bigint, NULL::integer,
            NULL::bigint, NULL::text, NULL::text, NULL::text, NULL::timestamptz
        FROM unnest(conditional) AS c(id);
    END IF;
END $$;
