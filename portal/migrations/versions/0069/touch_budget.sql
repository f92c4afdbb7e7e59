-- Returns the budget of a family of keys as of a moment, and locks it. The first call creates it,
-- and the first call in a new period resets it, so no job can be late with that.
-- Locks: the family's row of key_budget.
CREATE OR REPLACE FUNCTION touch_budget(
    p_tenant text, p_family text, p_period text, p_zone text, p_at timestamptz
) RETURNS key_budget LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began timestamptz := budget_period_start(p_period, p_zone, p_at);
    budget key_budget;
BEGIN
    SELECT * INTO budget FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO key_budget (tenant_id, family_id, period_start, period_end)
        VALUES (p_tenant, p_family, began, budget_period_end(p_period, p_zone, p_at))
        ON CONFLICT DO NOTHING;
        SELECT * INTO budget FROM key_budget
        WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    END IF;
    IF budget.period_start < began THEN
        UPDATE key_budget SET period_start = began, spent_usd = 0, reserved_usd = 0,
            period_end = budget_period_end(p_period, p_zone, p_at), announced_percent = 0
        WHERE tenant_id = p_tenant AND family_id = p_family RETURNING * INTO budget;
    END IF;
    RETURN budget;
END $$;
