-- Tells every process that may hold a slice of a family's budget when a payment has used up the
-- budget of any key of the family, as if the keys had changed. The processes then give up their
-- slices, and each call is decided in the database again. `p_before` and `p_after` are the amounts
-- spent before and after the payment.
-- Locks: none.
CREATE OR REPLACE FUNCTION tell_used_up(
    p_tenant text, p_family text, p_before numeric, p_after numeric
) RETURNS void LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || k.id) FROM api_key AS k
    WHERE k.tenant_id = p_tenant AND (k.id = p_family OR k.rotation_family_id = p_family)
        AND k.revoked_at IS NULL AND EXISTS (
            SELECT FROM family_budgets(p_tenant, p_family, NULL) AS f
            WHERE f.max_usd > p_before AND f.max_usd <= p_after);
END $$;
