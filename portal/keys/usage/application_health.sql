-- The keys of an application in trouble: how many fail, because they leaked or their budget is used
-- up; how many expire within 14 days and are no child keys; and whether it has any.
json_build_array(
    (SELECT count(DISTINCT bad.id) FROM (
        (SELECT k.id FROM key_leak AS l JOIN api_key AS k
            ON k.tenant_id = l.tenant_id AND k.id = l.key_id
            WHERE l.tenant_id = application.tenant_id AND l.settled_at IS NULL
            AND k.application_id = application.id AND k.revoked_at IS NULL AND NOT k.blocked
            AND (k.revoke_at IS NULL OR k.revoke_at > now()) AND k.expires_key > now()
            LIMIT 101)
        UNION ALL
        (SELECT k.id FROM key_budget AS b JOIN api_key AS k ON k.tenant_id = b.tenant_id
            AND (k.id = b.family_id OR k.rotation_family_id = b.family_id)
            WHERE b.tenant_id = application.tenant_id AND b.announced_percent >= 100
            AND (b.period_end IS NULL OR b.period_end > now())
            AND b.spent_usd >= k.max_budget_usd
            AND k.application_id = application.id AND k.revoked_at IS NULL AND NOT k.blocked
            AND (k.revoke_at IS NULL OR k.revoke_at > now()) AND k.expires_key > now()
            LIMIT 101)) AS bad),
    (SELECT count(*) FROM (SELECT FROM api_key AS k
        WHERE k.tenant_id = application.tenant_id AND k.application_id = application.id
        AND k.revoked_at IS NULL AND k.expires_at IS NOT NULL
        AND k.expires_at > now() AND k.expires_at < now() + interval '14 days'
        AND k.parent_key_id IS NULL AND NOT k.blocked LIMIT 101) AS caring),
    EXISTS (SELECT FROM api_key AS k
        WHERE k.tenant_id = application.tenant_id AND k.application_id = application.id)
)
