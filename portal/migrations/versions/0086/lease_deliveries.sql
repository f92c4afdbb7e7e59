-- Leases deliveries to a worker: numbers those that have no number yet, charges them to the rate
-- limits, and returns what sending needs. The caller has locked the rows. `limited` are the webhooks
-- with a rate limit, `seconds_each` the seconds that a delivery of each takes up. The data of an
-- event comes with one of its deliveries only; it is null in the others, and if it was erased.
-- One whose lease ran out after it was cancelled is not sent again: it ends here, and is not returned.
-- What was charged before counts until now at most: the clock may have gone back since then.
-- Every id is between the lowest and the highest one, so that the days of others are left out, which
-- an array cannot tell. Each event's id is a range of one, in the order of ids: only the primary key
-- serves that, also in a plan that was made while the table was empty.
-- Locks: endpoint, by webhook id, so that two workers do not wait for each other; delivery, which the
-- caller has locked before. So nobody who has an endpoint locked may wait for a delivery that can be
-- claimed.
CREATE OR REPLACE FUNCTION lease_deliveries(
    worker integer, ids text[], lease_seconds double precision, limited text[],
    seconds_each double precision[]
) RETURNS TABLE (
    id text, webhook_id text, event_id text, event_type text, token bigint, attempts integer,
    sequence bigint, origin text, replay_id text, data text, occurred_at timestamptz
)
LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    tenant text := current_setting('app.tenant_id');
    first_id text;
    last_id text;
    first_event text;
    last_event text;
    places jsonb;
BEGIN
    SELECT min(one), max(one) INTO first_id, last_id FROM unnest(ids) AS one;
    WITH mine AS (
        SELECT d.id, d.webhook_id, d.event_id, d.sequence IS NULL AS is_new FROM delivery d
        WHERE d.tenant_id = tenant AND d.id = ANY (ids) AND d.id BETWEEN first_id AND last_id
    ), counted AS (
        INSERT INTO endpoint AS e (tenant_id, webhook_id, last_sequence, paid_until)
        SELECT tenant, m.webhook_id, count(*) FILTER (WHERE m.is_new),
            now() - interval '1 second' + make_interval(secs => count(*) * l.seconds)
        FROM mine m LEFT JOIN unnest(limited, seconds_each) AS l(webhook_id, seconds)
            ON l.webhook_id = m.webhook_id
        WHERE m.is_new OR l.seconds IS NOT NULL
        GROUP BY m.webhook_id, l.seconds ORDER BY m.webhook_id
        ON CONFLICT (tenant_id, webhook_id)
        DO UPDATE SET last_sequence = e.last_sequence + excluded.last_sequence,
            paid_until = coalesce(greatest(
                CASE WHEN e.paid_until > now() THEN now() ELSE e.paid_until END,
                now() - interval '1 second')
                + (excluded.paid_until - (now() - interval '1 second')), e.paid_until)
        RETURNING e.webhook_id, e.last_sequence
    )
    SELECT min(m.event_id), max(m.event_id), (
        SELECT jsonb_object_agg(n.id, c.last_sequence - n.later)
        FROM counted c JOIN (
            SELECT m.id, m.webhook_id,
                count(*) OVER (PARTITION BY m.webhook_id ORDER BY m.id DESC) - 1 AS later
            FROM mine m WHERE m.is_new
        ) n ON n.webhook_id = c.webhook_id
    ) INTO first_event, last_event, places FROM mine m;
    RETURN QUERY
    WITH leased AS (
        UPDATE delivery d SET token = d.token + 1,
            state = CASE WHEN d.cancelled_at IS NULL THEN 'in_flight' ELSE 'cancelled' END,
            attempts = d.attempts + CASE WHEN d.cancelled_at IS NULL THEN 1 ELSE 0 END,
            completed_at = d.cancelled_at,
            due_at = now() + make_interval(secs => lease_seconds), holder = worker,
            sequence = coalesce(d.sequence, (places ->> d.id)::bigint)
        WHERE d.tenant_id = tenant AND d.id = ANY (ids) AND d.id BETWEEN first_id AND last_id
        RETURNING d.id, d.webhook_id, d.event_id, d.event_type, d.token, d.attempts, d.sequence,
            d.origin, d.replay_id, d.state
    )
    SELECT l.id::text, l.webhook_id::text, l.event_id::text, l.event_type::text, l.token,
        l.attempts, l.sequence, l.origin::text, l.replay_id::text, found.data, found.occurred_at
    FROM (
        SELECT leased.*, row_number() OVER (PARTITION BY leased.event_id ORDER BY leased.id) AS place
        FROM leased WHERE leased.state = 'in_flight'
    ) l LEFT JOIN LATERAL (
        SELECT e.data::text AS data, e.occurred_at FROM event e
        WHERE l.place = 1 AND e.tenant_id = tenant AND e.id BETWEEN l.event_id AND l.event_id
        AND e.id BETWEEN first_event AND last_event ORDER BY e.id LIMIT 1
    ) AS found ON true
    ORDER BY l.sequence, l.id;
END $$;
