-- The facts of a webhook's health beside its own row, as one JSON array. At most 1,001 deliveries of
-- a kind are read.
json_build_array(
    now(),
    (SELECT json_build_array(e.failing_since, e.expired_at, e.cannot_sign) FROM endpoint AS e
        WHERE e.tenant_id = webhook.tenant_id AND e.webhook_id = webhook.id),
    (SELECT json_build_array(
            count(*), count(*) FILTER (WHERE w.state = 'retrying'), min(w.created_at), max(w.status))
        FROM (SELECT d.state, d.created_at, d.status FROM delivery AS d
            WHERE d.tenant_id = webhook.tenant_id AND d.webhook_id = webhook.id
            AND d.state IN ('pending', 'in_flight', 'retrying') LIMIT 1001) AS w),
    (SELECT count(*) FROM (SELECT FROM delivery AS d
        WHERE d.tenant_id = webhook.tenant_id AND d.webhook_id = webhook.id AND d.state = 'failed'
        AND d.id >= ulid_floor('dlv', now() - interval '24 hours') LIMIT 1001) AS f)
)
