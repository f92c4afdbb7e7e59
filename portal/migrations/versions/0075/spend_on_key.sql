-- Writes one line of the ledger and updates every counter. Durable when it returns. Returns a row
-- for each percentage of the key's budget that this line crosses (100, 80, 50: the highest first),
-- each once a period, and one with `crossed` 0 if other budgets of its family are to be announced,
-- which announce_thresholds returns; otherwise one row with `crossed` NULL. Each process is told
-- when it uses up the budget of any key of the family. If the id is repeated, it only releases the
-- amount still held, and returns the first cost. Raises unique_violation for an id that belongs to
-- another key, or to a line of another kind, or for a usage to a reservation.
-- The family's keys are looked at only once `next_notice_usd` is spent.
-- Locks: the family's row of key_budget, then the key's row of api_key_runtime.
CREATE OR REPLACE FUNCTION spend_on_key(
    p_tenant text, p_id text, p_kind text, p_key text, p_usd numeric, p_held numeric,
    p_held_period timestamptz, p_tokens bigint, p_model text
) RETURNS TABLE (
    repeated boolean, crossed integer, spent_usd numeric, reserved_usd numeric,
    max_usd numeric, period_end timestamptz, cost_usd numeric
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    key api_key;
    zone text;
    family text;
    budget key_budget;
    line spend_ledger;
    began timestamptz;
    spent_before numeric;
    are_others_due boolean;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO key FROM api_key WHERE tenant_id = p_tenant AND id = p_key;
    SELECT time_zone INTO zone FROM tenant WHERE id = p_tenant;
    family := coalesce(key.rotation_family_id, key.id);
    budget := touch_budget(p_tenant, family, key.budget_period, zone, at);
    spent_before := budget.spent_usd;
    began := coalesce(p_held_period, budget.period_start);
    cost_usd := p_usd;
    IF p_kind = 'usage' AND EXISTS (
        SELECT FROM spend_reservation AS s WHERE s.tenant_id = p_tenant AND s.id = p_id) THEN
        RAISE unique_violation USING MESSAGE = 'the id belongs to a reservation';
    END IF;
    INSERT INTO spend_ledger (tenant_id, id, kind, key_id, family_id, period_start, cost_usd,
        reserved_usd, tokens, model, noted_at)
    VALUES (p_tenant, p_id, p_kind, p_key, family, began, p_usd, p_held, p_tokens, p_model, at)
    ON CONFLICT DO NOTHING;
    repeated := NOT FOUND;
    max_usd := key.max_budget_usd;
    IF repeated THEN
        SELECT * INTO line FROM spend_ledger AS l WHERE l.tenant_id = p_tenant AND l.id = p_id;
        IF line.key_id <> p_key OR line.kind <> p_kind THEN
            RAISE unique_violation USING MESSAGE = 'the id belongs to another line of the ledger';
        END IF;
        cost_usd := line.cost_usd;
        UPDATE key_budget AS b SET reserved_usd = b.reserved_usd - p_held
        WHERE p_held > 0 AND b.tenant_id = p_tenant AND b.family_id = family
            AND b.period_start = began RETURNING * INTO budget;
        IF budget IS NULL THEN
            budget := touch_budget(p_tenant, family, key.budget_period, zone, at);
        END IF;
    -- What was held in a period that is over was never part of this one's counters.
    ELSIF began = budget.period_start THEN
        UPDATE key_budget AS b SET spent_usd = b.spent_usd + p_usd,
            reserved_usd = b.reserved_usd - coalesce(p_held, 0)
        WHERE b.tenant_id = p_tenant AND b.family_id = family RETURNING * INTO budget;
        UPDATE api_key_runtime AS r SET spend_period_end = budget.period_end, spend_usd = p_usd +
            CASE WHEN r.spend_period_end <= at THEN 0 ELSE r.spend_usd END
        WHERE r.tenant_id = p_tenant AND r.key_id = p_key;
    ELSIF began = budget.previous_start THEN
        -- For touch_budget, which goes back to that period if the clock turns out to be ahead.
        UPDATE key_budget AS b SET previous_spent_usd = b.previous_spent_usd + p_usd
        WHERE b.tenant_id = p_tenant AND b.family_id = family;
    END IF;
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    IF spent_usd < budget.next_notice_usd OR budget.next_notice_usd IS NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    -- 0: not looked at since the period or a budget changed, so nobody may have been told either.
    PERFORM tell_used_up(p_tenant, family,
        CASE WHEN budget.next_notice_usd > 0 THEN spent_before ELSE 0 END, spent_usd);
    FOR crossed IN SELECT a.percent
        FROM announce_thresholds(p_tenant, family, coalesce(max_usd, 0)) AS a
    LOOP
        RETURN NEXT;
    END LOOP;
    SELECT b.next_notice_usd <= b.spent_usd INTO are_others_due FROM key_budget AS b
    WHERE b.tenant_id = p_tenant AND b.family_id = family;
    IF are_others_due OR crossed IS NULL THEN
        crossed := CASE WHEN are_others_due THEN 0 END;
        RETURN NEXT;
    END IF;
END $$;
