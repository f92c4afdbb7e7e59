-- Finds the webhooks that are on and subscribe to one of :patterns, also paused ones, because their
-- events are held: the patterns, each as what :stands_for has in its place, with spaces between
-- them; the id; the filter as JSON. All texts have at most :most_bytes, with 40 for an id. If they
-- were more, the last row has no patterns and no filter.
WITH subscribed AS (
    SELECT DISTINCT s.webhook_id, asked.stands_for
    FROM unnest(CAST(:patterns AS text[]), CAST(:stands_for AS text[])) AS asked (pattern, stands_for)
    JOIN webhook_subscription AS s ON s.tenant_id = :tenant_id AND s.pattern = asked.pattern
), wanting AS (
    SELECT webhook_id, string_agg(stands_for, ' ') AS patterns
    FROM subscribed
    GROUP BY webhook_id
), weighed AS (
    SELECT
        w.id, wanting.patterns, w.filter, weight.bytes,
        sum(weight.bytes) OVER (ORDER BY w.id) AS bytes_so_far
    FROM wanting
    JOIN webhook AS w ON w.tenant_id = :tenant_id AND w.id = wanting.webhook_id
    CROSS JOIN LATERAL (
        SELECT 40 + octet_length(wanting.patterns) + octet_length(CAST(w.filter AS text)) AS bytes
    ) AS weight
    WHERE w.enabled AND NOT w.is_deleted AND w.direction = 'outbound'
)
SELECT
    CASE WHEN bytes_so_far <= :most_bytes THEN patterns END,
    id,
    CASE WHEN bytes_so_far <= :most_bytes THEN CAST(filter AS text) END
FROM weighed
WHERE bytes_so_far - bytes <= :most_bytes
ORDER BY bytes_so_far
