-- Returns each amount that is the budget of a key of a family, with one of the keys that have it:
-- the family's first key, if that is one of them. Keys that ended do not count, except for the
-- amount `p_also`.
-- Locks: none.
CREATE OR REPLACE FUNCTION family_budgets(p_tenant text, p_family text, p_also numeric)
RETURNS TABLE (max_usd numeric, key_id text) LANGUAGE sql STABLE AS $$
    SELECT DISTINCT ON (k.max_budget_usd) k.max_budget_usd, k.id::text FROM api_key AS k
    WHERE k.tenant_id = p_tenant AND (k.id = p_family OR k.rotation_family_id = p_family)
        AND k.max_budget_usd > 0
        AND (k.max_budget_usd = p_also OR (k.revoked_at IS NULL AND k.expires_key > now()
            AND (k.revoke_at IS NULL OR k.revoke_at > now())))
    ORDER BY k.max_budget_usd, k.id <> p_family, k.id
$$;
