-- Records attempts of a tenant's deliveries, and returns the state of their endpoints as far as it
-- changed. `done` has an object for each, in the order in which they ended: the delivery with the
-- token of its lease, its new state, the outcome, and its part in the state of the endpoint.
-- `attempts` has the rows for the log. `slot` is the row of an hour that the counts go to: a random
-- one, so that few processes wait for each other.
-- Only what is still leased with this token changes and is counted. A worker that lost the answer to
-- its commit records the same again, and another worker may have the delivery by now. If a delivery
-- was leased twice, the later lease counts. An erased delivery leaves no body behind. An attempt that
-- our side could not make (`not_made`) is none: the lease counted it, and it is given back. Of the
-- webhook it changes only the last outcome, and of an erased event nothing (`unsent` says why).
-- The values of a delivery are looked up by its id, and the rows by the primary key: a join would be
-- a nested loop, whose order depends on statistics from when the table was empty.
-- A delivery that was cancelled in flight is not retried.
-- A retry that keeps its place, in an ordered webhook, comes before all that wait: an hour before its
-- own publication, as one that began earlier may end later.
-- An endpoint that was healthy and still is, is not updated: each lease that numbers deliveries locks
-- its row, so recording and leasing would wait for each other. The webhooks, which come before it,
-- keep records in order: each is locked. Most of its indexes would grow with each change, so within a
-- second of the last success, another success does not change it.
-- Enters the tenant for the rest of the transaction.
-- Locks: delivery; webhook, by id; delivery_hour, by hour; endpoint.
CREATE OR REPLACE FUNCTION record_attempts(tenant text, done jsonb, attempts jsonb, slot integer)
RETURNS TABLE (
    webhook_id text, failures integer, is_paused boolean, is_warned boolean,
    failing_for double precision
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    ids text[];
    first_id text;
    last_id text;
    latest jsonb;
    queued jsonb;
    endpoints jsonb;
BEGIN
    PERFORM set_config('app.tenant_id', tenant, true);
    SELECT array_agg(DISTINCT o ->> 'id'), min(o ->> 'id'), max(o ->> 'id'),
        jsonb_object_agg(o ->> 'id', o ORDER BY (o ->> 'token')::bigint)
        INTO ids, first_id, last_id, latest FROM jsonb_array_elements(done) AS o;
    WITH ended AS (
        UPDATE delivery d SET (holder, attempts, state, outcome, status, due_at, completed_at) = (
            SELECT NULL::int, d.attempts - CASE WHEN a.not_made THEN 1 ELSE 0 END,
                CASE WHEN a.state = 'retrying' AND d.cancelled_at IS NOT NULL THEN 'cancelled'
                    ELSE a.state END,
                a.outcome, a.status,
                CASE WHEN a.state <> 'retrying' THEN d.due_at
                    WHEN a.keeps_place THEN d.created_at - interval '1 hour'
                    ELSE now() + make_interval(secs => a.wait) END,
                CASE WHEN a.state <> 'retrying' OR d.cancelled_at IS NOT NULL THEN now() END
            FROM jsonb_to_record(latest -> d.id) AS a(
                state text, outcome text, status int, wait float8, keeps_place bool,
                not_made bool))
        WHERE d.tenant_id = tenant AND d.id = ANY (ids) AND d.id BETWEEN first_id AND last_id
        AND d.state = 'in_flight' AND d.token = (latest -> d.id ->> 'token')::bigint
        RETURNING d.id, d.created_at
    )
    SELECT jsonb_object_agg(ended.id, ended.created_at) INTO queued FROM ended;
    INSERT INTO delivery_attempt (
        tenant_id, actor_id, actor_name, created_at, completed_at, id, webhook_id, delivery_id,
        event_id, number, event_type, url, request_headers, request_body, signed_with, outcome,
        explanation, remedy, status, response_headers, response_body, response_truncated, timings,
        address, tls_version, certificate_days
    )
    SELECT tenant, 'system', 'Delivery', now() - make_interval(secs => a.took), now(), a.id,
        a.webhook_id, a.delivery_id, a.event_id, a.number, a.event_type, a.url, a.request_headers,
        a.request_body, a.signed_with, a.outcome, a.explanation, a.remedy, a.status,
        a.response_headers, a.response_body, a.response_truncated, a.timings, a.address,
        a.tls_version, a.certificate_days
    FROM jsonb_to_recordset(attempts) AS a(
        took float8, id text, webhook_id text, delivery_id text, event_id text, number int,
        event_type text, url text, request_headers jsonb, request_body text, signed_with text,
        outcome text, explanation text, remedy text, status int, response_headers jsonb,
        response_body text, response_truncated bool, timings jsonb, address text, tls_version text,
        certificate_days int)
    WHERE EXISTS (SELECT FROM delivery d WHERE d.tenant_id = tenant AND d.id = a.delivery_id
        AND d.id BETWEEN first_id AND last_id)
    ON CONFLICT DO NOTHING;
    IF queued IS NULL THEN
        RETURN;
    END IF;
    -- Failures since the last success, the last outcome, the longest wait that a receiver asked for.
    WITH one AS (
        SELECT a.*, o.place, max(o.place) FILTER (WHERE a.good) OVER (PARTITION BY a.webhook_id)
            AS last_good
        FROM jsonb_array_elements(done) WITH ORDINALITY AS o(value, place)
        CROSS JOIN LATERAL jsonb_to_record(o.value) AS a(
            id text, webhook_id text, outcome text, not_made bool, unsent text, good bool,
            failures int, slow float8, throttled bool)
        WHERE queued ? a.id AND a.unsent IS DISTINCT FROM 'erased'
    ), summed AS (
        SELECT one.webhook_id, (array_agg(one.outcome ORDER BY one.place DESC))[1] AS outcome,
            (array_agg(one.unsent ORDER BY one.place DESC))[1] AS unsent,
            bool_or(one.not_made IS NOT TRUE) AS made, bool_or(one.good) AS good,
            bool_or(one.throttled) AS throttled, max(one.slow) AS slow,
            coalesce(sum(one.failures) FILTER (
                WHERE one.last_good IS NULL OR one.place >= one.last_good), 0) AS failures
        FROM one GROUP BY one.webhook_id ORDER BY one.webhook_id
    )
    SELECT jsonb_agg(to_jsonb(summed)) INTO endpoints FROM summed;
    PERFORM FROM webhook w
    WHERE w.tenant_id = tenant
    AND w.id = ANY (ARRAY(SELECT a ->> 'webhook_id' FROM jsonb_array_elements(endpoints) AS a))
    ORDER BY w.id FOR NO KEY UPDATE;
    UPDATE webhook w SET
        last_delivery_at = CASE WHEN a.made THEN now() ELSE w.last_delivery_at END,
        last_delivery_status = a.outcome,
        consecutive_failures =
            CASE WHEN a.good THEN 0 ELSE w.consecutive_failures END + a.failures
    FROM jsonb_to_recordset(endpoints) AS a(
        webhook_id text, outcome text, made bool, good bool, failures int)
    WHERE w.tenant_id = tenant AND w.id = a.webhook_id
    AND (w.last_delivery_at BETWEEN now() - interval '1 second' AND now()
        AND w.last_delivery_status = a.outcome AND w.consecutive_failures = 0
        AND a.good AND a.failures = 0) IS NOT TRUE;
    INSERT INTO delivery_hour AS known (tenant_id, hour, slot, delivered, failed, waits)
    SELECT tenant, new.hour, slot, new.delivered, new.failed, ARRAY(
        SELECT coalesce(cardinality(array_positions(new.bands, counted.band)), 0)
        FROM generate_series(0, 47) AS counted(band) ORDER BY counted.band)
    FROM (
        SELECT date_trunc('hour', q.created_at::timestamptz, 'UTC') AS hour,
            count(*) FILTER (WHERE a.state = 'delivered') AS delivered,
            count(*) FILTER (WHERE a.state = 'failed') AS failed,
            -- Each band is 26 % wider than the one before: 1 ms to 65 s.
            array_agg(least(floor(3 * ln(greatest(a.took_ms, 1)) / ln(2::float8) + 1e-9), 47)::int)
                FILTER (WHERE a.took_ms IS NOT NULL) AS bands
        FROM jsonb_each_text(queued) AS q(id, created_at)
        CROSS JOIN LATERAL jsonb_to_record(latest -> q.id) AS a(state text, took_ms float8)
        GROUP BY 1
    ) AS new
    ORDER BY new.hour
    ON CONFLICT (tenant_id, hour, slot) DO UPDATE SET
        delivered = known.delivered + excluded.delivered, failed = known.failed + excluded.failed,
        waits = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
            FROM unnest(known.waits, excluded.waits) WITH ORDINALITY AS w(a, b, band)
            ORDER BY band);
    RETURN QUERY
    UPDATE endpoint e SET
        failing_since = CASE WHEN a.failures > 0 AND (a.good OR e.failing_since IS NULL) THEN now()
            WHEN a.good AND a.failures = 0 THEN NULL ELSE e.failing_since END,
        warned_at = CASE WHEN a.good THEN NULL ELSE e.warned_at END,
        throttles = CASE WHEN a.throttled THEN e.throttles + 1 WHEN a.good THEN 0
            ELSE e.throttles END,
        cannot_sign = a.unsent,
        not_before = CASE WHEN a.slow IS NULL THEN e.not_before
            ELSE greatest(e.not_before, now() + make_interval(secs => a.slow)) END
    FROM jsonb_to_recordset(endpoints) AS a(
        webhook_id text, unsent text, good bool, failures int, slow float8, throttled bool),
        webhook w
    WHERE e.tenant_id = tenant AND e.webhook_id = a.webhook_id
    AND w.tenant_id = e.tenant_id AND w.id = e.webhook_id
    AND NOT (a.good AND a.failures = 0 AND a.slow IS NULL AND NOT a.throttled
        AND e.failing_since IS NULL AND e.warned_at IS NULL AND e.throttles = 0
        AND e.cannot_sign IS NULL)
    RETURNING e.webhook_id::text, w.consecutive_failures, w.paused_at IS NOT NULL,
        e.warned_at IS NOT NULL,
        coalesce(extract(epoch FROM now() - e.failing_since), 0)::double precision;
END $$;
