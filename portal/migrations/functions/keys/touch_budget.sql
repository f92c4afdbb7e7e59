-- Returns the budget of a family of keys as of a moment, and locks it. The first call creates it,
-- and the first call in a new period resets it, so no job can be late with that. If the clock was
-- ahead and goes back by more than a minute, the period that it had begun too early ends: what was
-- spent and reserved in it counts in the period to which the clock went back, beside what counted
-- there before.
-- Locks: the family's row of key_budget, and its name if it is made; if the clock went back, also
-- the family's reservations.
CREATE OR REPLACE FUNCTION touch_budget(
    p_tenant text, p_family text, p_period text, p_zone text, p_at timestamptz
) RETURNS key_budget LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began timestamptz := budget_period_start(p_period, p_zone, p_at);
    early key_budget;
    budget key_budget;
BEGIN
    SELECT * INTO budget FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    IF NOT FOUND THEN
        -- admit_calls makes the row under the same lock, and waits for nobody.
        PERFORM pg_advisory_xact_lock(hashtextextended('key_budget ' || p_tenant || p_family, 0));
        INSERT INTO key_budget (tenant_id, family_id, period_start, period_end)
        VALUES (p_tenant, p_family, began, budget_period_end(p_period, p_zone, p_at))
        ON CONFLICT DO NOTHING;
        SELECT * INTO budget FROM key_budget
        WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    END IF;
    IF budget.period_start < began THEN
        UPDATE key_budget SET previous_start = period_start, previous_spent_usd = spent_usd,
            period_start = began, spent_usd = 0, reserved_usd = 0,
            period_end = budget_period_end(p_period, p_zone, p_at), announced_percent = 0,
            announced_by_budget = '{}', next_notice_usd = 0
        WHERE tenant_id = p_tenant AND family_id = p_family RETURNING * INTO budget;
    ELSIF budget.period_start > p_at + interval '1 minute' THEN
        early := budget;
        IF early.previous_start BETWEEN began AND p_at THEN
            began := early.previous_start;
            budget.spent_usd := early.spent_usd + early.previous_spent_usd;
        END IF;
        UPDATE spend_reservation SET period_start = began
        WHERE tenant_id = p_tenant AND family_id = p_family AND released_at IS NULL
            AND period_start = early.period_start;
        SELECT coalesce(sum(usd), 0) INTO budget.reserved_usd FROM spend_reservation
        WHERE tenant_id = p_tenant AND family_id = p_family AND released_at IS NULL
            AND period_start = began;
        UPDATE key_budget SET period_start = began, spent_usd = budget.spent_usd,
            reserved_usd = budget.reserved_usd, next_notice_usd = 0,
            period_end = budget_period_end(p_period, p_zone, p_at)
        WHERE tenant_id = p_tenant AND family_id = p_family RETURNING * INTO budget;
    END IF;
    RETURN budget;
END $$;
