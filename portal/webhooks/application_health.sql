-- The webhooks of an application in trouble: how many fail, how many need attention, and whether it
-- has any.
json_build_array(
    (SELECT count(*) FROM (SELECT FROM webhook AS w
        WHERE w.tenant_id = application.tenant_id AND w.application_id = application.id
        AND NOT w.is_deleted AND w.enabled
        AND (w.paused_at IS NOT NULL OR w.consecutive_failures > 0
            OR w.last_delivery_status NOT IN ('delivered', 'sending'))
        AND (w.pause_reason IN ('failing', 'gone')
            OR (w.paused_at IS NULL AND w.consecutive_failures >= 3)) LIMIT 101) AS failing),
    (SELECT count(*) FROM (SELECT FROM webhook AS w
        WHERE w.tenant_id = application.tenant_id AND w.application_id = application.id
        AND NOT w.is_deleted AND w.enabled
        AND (w.paused_at IS NOT NULL OR w.consecutive_failures > 0
            OR w.last_delivery_status NOT IN ('delivered', 'sending'))
        AND w.paused_at IS NULL AND w.consecutive_failures < 3 LIMIT 101) AS caring),
    EXISTS (SELECT FROM webhook AS w
        WHERE w.tenant_id = application.tenant_id AND w.application_id = application.id
        AND NOT w.is_deleted)
)
