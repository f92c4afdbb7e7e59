-- The connectors of an application in trouble: how many fail, how many need attention, and whether
-- it has any. Connectors of one person or group count for nobody else.
json_build_array(
    (SELECT count(*) FROM (SELECT FROM connector AS c
        WHERE c.tenant_id = application.tenant_id AND c.application_id = application.id
        AND c.sync_status IN ('action_required', 'failing', 'degraded', 'rate_limited')
        AND NOT c.is_deleted AND c.sync_status IN ('action_required', 'failing')
        AND c.scope = 'org' LIMIT 101) AS failing),
    (SELECT count(*) FROM (SELECT FROM connector AS c
        WHERE c.tenant_id = application.tenant_id AND c.application_id = application.id
        AND c.sync_status IN ('action_required', 'failing', 'degraded', 'rate_limited')
        AND NOT c.is_deleted AND c.sync_status IN ('degraded', 'rate_limited')
        AND c.scope = 'org' LIMIT 101) AS caring),
    EXISTS (SELECT FROM connector AS c
        WHERE c.tenant_id = application.tenant_id AND c.application_id = application.id
        AND NOT c.is_deleted AND c.scope = 'org')
)
