-- Finds the webhooks that are on and subscribe to one of :patterns: pattern, id, and the filter as
-- JSON in the first row of each webhook. They are also of paused webhooks, for which events are held.
-- All rows together have at most :most_bytes. If there are more, the last row has no pattern.
WITH subscribed AS (
    SELECT s.pattern, w.id, w.filter
    FROM webhook_subscription AS s
    JOIN webhook AS w ON w.tenant_id = s.tenant_id AND w.id = s.webhook_id
    WHERE s.tenant_id = :tenant_id AND s.pattern = ANY(CAST(:patterns AS text[]))
        AND w.enabled AND NOT w.is_deleted AND w.direction = 'outbound'
    -- More rows than this have more bytes for certain.
    LIMIT :most_bytes / 40 + 1
), numbered AS (
    SELECT
        pattern, id, filter,
        row_number() OVER (PARTITION BY id ORDER BY pattern) = 1 AS has_filter
    FROM subscribed
), weighed AS (
    SELECT
        pattern, id, filter, has_filter, weight.bytes,
        sum(weight.bytes) OVER (ORDER BY id, pattern ROWS UNBOUNDED PRECEDING) AS bytes_so_far
    FROM numbered
    CROSS JOIN LATERAL (
        SELECT 40 + octet_length(pattern)
            + CASE WHEN has_filter THEN octet_length(CAST(filter AS text)) ELSE 0 END AS bytes
    ) AS weight
)
SELECT
    CASE WHEN bytes_so_far <= :most_bytes THEN pattern END,
    id,
    CASE WHEN has_filter AND bytes_so_far <= :most_bytes THEN CAST(filter AS text) END
FROM weighed
WHERE bytes_so_far - bytes <= :most_bytes
ORDER BY bytes_so_far
