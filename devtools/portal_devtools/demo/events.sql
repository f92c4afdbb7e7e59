-- Moves the demo's events to when they happened (occurred_at), with their deliveries and attempts.
-- An event moves once, when no delivery of it is about to be sent. What waits for a later attempt
-- keeps the time of that attempt. Used by the demo alone, as the owner of the tables.
-- Reads: app.tenant_id. The publisher's ids of the demo's events begin with demo-.

-- No worker counts a delivery until all are counted anew below.
LOCK TABLE delivery_hour IN SHARE ROW EXCLUSIVE MODE;

WITH moving AS MATERIALIZED (
    SELECT e.tenant_id, e.id, e.received_at - e.occurred_at AS ago,
        'evt_' || substr(ulid_floor('evt', e.occurred_at), 5) || substr(e.id, 15) AS new_id
    FROM event_key k JOIN event e ON e.tenant_id = k.tenant_id AND e.id = k.event_id
    WHERE k.tenant_id = current_setting('app.tenant_id') AND starts_with(k.client_id, 'demo-')
    AND e.received_at > e.occurred_at + interval '1 minute'
    AND NOT EXISTS (
        SELECT FROM delivery d WHERE d.tenant_id = e.tenant_id AND d.event_id = e.id
        AND (d.state IN ('pending', 'in_flight')
            OR d.state = 'retrying' AND d.due_at < now() + interval '1 minute'))
), sent AS MATERIALIZED (
    SELECT d.tenant_id, d.id, m.ago, m.new_id AS event_id,
        'dlv_' || substr(ulid_floor('dlv', d.created_at - m.ago), 5) || substr(d.id, 15) AS new_id
    FROM moving m JOIN delivery d ON d.tenant_id = m.tenant_id AND d.event_id = m.id
), moved_attempts AS (
    UPDATE delivery_attempt a SET
        id = 'att_' || substr(ulid_floor('att', a.created_at - s.ago), 5) || substr(a.id, 15),
        delivery_id = s.new_id, event_id = s.event_id,
        created_at = a.created_at - s.ago, completed_at = a.completed_at - s.ago
    FROM sent s WHERE a.tenant_id = s.tenant_id AND a.delivery_id = s.id
), moved_deliveries AS (
    UPDATE delivery d SET
        id = s.new_id, event_id = s.event_id,
        created_at = d.created_at - s.ago, completed_at = d.completed_at - s.ago,
        due_at = CASE WHEN d.completed_at IS NULL THEN d.due_at ELSE d.due_at - s.ago END
    FROM sent s WHERE d.tenant_id = s.tenant_id AND d.id = s.id
), moved_keys AS (
    UPDATE event_key k SET event_id = m.new_id
    FROM moving m WHERE k.tenant_id = m.tenant_id AND k.event_id = m.id
)
UPDATE event e SET id = m.new_id, received_at = e.occurred_at
FROM moving m WHERE e.tenant_id = m.tenant_id AND e.id = m.id;

-- A receiver that never answered well fails since its first attempt.
UPDATE endpoint e SET failing_since = never.since
FROM (
    SELECT a.webhook_id, min(a.created_at) AS since FROM delivery_attempt a
    WHERE a.tenant_id = current_setting('app.tenant_id') AND a.delivery_id IS NOT NULL
    AND a.outcome <> 'sending'
    GROUP BY a.webhook_id HAVING bool_and(a.outcome <> 'delivered')
) AS never
WHERE e.tenant_id = current_setting('app.tenant_id') AND e.webhook_id = never.webhook_id
AND e.failing_since > never.since;

-- The deliveries of each hour are counted anew, since they moved. The bands of times are those of
-- portal.delivery.queue.hours.
DELETE FROM delivery_hour WHERE tenant_id = current_setting('app.tenant_id');
WITH lately AS MATERIALIZED (
    SELECT d.tenant_id, d.id, d.state, date_trunc('hour', d.created_at, 'UTC') AS hour
    FROM delivery d WHERE d.tenant_id = current_setting('app.tenant_id')
    AND d.created_at >= now() - interval '25 hours'
), tried AS MATERIALIZED (
    SELECT l.hour, count(*) AS attempts,
        least(47, floor(3 * log(2, greatest((a.timings ->> 'total_ms')::numeric, 1))))::int AS band
    FROM lately l JOIN delivery_attempt a ON a.tenant_id = l.tenant_id AND a.delivery_id = l.id
    GROUP BY l.hour, band
)
INSERT INTO delivery_hour (tenant_id, hour, slot, delivered, failed, waits)
SELECT l.tenant_id, l.hour, 0,
    count(*) FILTER (WHERE l.state = 'delivered'), count(*) FILTER (WHERE l.state = 'failed'),
    ARRAY(SELECT coalesce(t.attempts, 0)
        FROM generate_series(0, 47) AS bands(band)
        LEFT JOIN tried t ON t.hour = l.hour AND t.band = bands.band
        ORDER BY bands.band)
FROM lately l GROUP BY l.tenant_id, l.hour;

-- The tables have grown from nothing: without new statistics the next day would take many seconds.
ANALYZE event, event_key, delivery, delivery_attempt;
