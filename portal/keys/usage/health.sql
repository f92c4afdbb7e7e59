-- The facts of a key's health beside its own row, as one JSON array. The family is a CASE and not a
-- coalesce, which PostgreSQL takes for leaky: under row-level security it then uses no index.
json_build_array(
    now(),
    (SELECT min(l.reported_at) FROM key_leak AS l
        WHERE l.tenant_id = api_key.tenant_id AND l.key_id = api_key.id AND l.settled_at IS NULL),
    (SELECT json_build_array(r.uses, r.last_denied_at, r.last_denied_code, r.last_used_at)
        FROM api_key_runtime AS r
        WHERE r.tenant_id = api_key.tenant_id AND r.key_id = api_key.id
        AND (api_key.max_uses IS NOT NULL OR r.last_denied_at >= r.last_used_at
            OR r.last_used_at IS NULL)),
    CASE WHEN api_key.max_budget_usd IS NOT NULL THEN
        (SELECT json_build_array(b.spent_usd, b.period_end) FROM key_budget AS b
        WHERE b.tenant_id = api_key.tenant_id
        AND b.family_id = CASE WHEN api_key.rotation_family_id IS NULL THEN api_key.id
            ELSE api_key.rotation_family_id END
        AND (b.period_end IS NULL OR b.period_end > now())) END,
    CASE WHEN api_key.expires_at IS NOT NULL THEN
        (SELECT min(o.started_at) FROM key_rotation AS o WHERE o.tenant_id = api_key.tenant_id
        AND o.old_key_id = api_key.id AND o.finished_at IS NULL) END,
    CASE WHEN api_key.rotated_from_key_id IS NOT NULL THEN
        (SELECT min(n.started_at) FROM key_rotation AS n WHERE n.tenant_id = api_key.tenant_id
        AND n.old_key_id = api_key.rotated_from_key_id AND n.new_key_id = api_key.id
        AND n.finished_at IS NULL) END,
    CASE WHEN api_key.parent_key_id IS NOT NULL THEN
        (SELECT CASE WHEN least(p.revoked_at, p.revoke_at) <= now() THEN 'revoked'
            WHEN p.expires_at <= now() THEN 'expired' WHEN p.blocked THEN 'blocked'
            WHEN p.brownout_from <= now() THEN 'in a brown-out'
            WHEN p.revoke_at IS NOT NULL THEN 'ending' END
        FROM api_key AS p
        WHERE p.tenant_id = api_key.tenant_id AND p.id = api_key.parent_key_id) END
)
