-- Writes one line of the ledger and updates every counter. Durable when it returns. Returns a row
-- for each percentage of the budget that this line crosses (100, 80, 50: the highest first), each
-- once a period; otherwise one row with `crossed` NULL. If the id is repeated, it only releases the
-- amount still held, and returns the first cost. Raises unique_violation for an id that belongs to
-- another key, or to a line of another kind, or for a usage to a reservation.
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
    full_percent numeric;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO key FROM api_key WHERE tenant_id = p_tenant AND id = p_key;
    SELECT time_zone INTO zone FROM tenant WHERE id = p_tenant;
    family := coalesce(key.rotation_family_id, key.id);
    budget := touch_budget(p_tenant, family, key.budget_period, zone, at);
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
    full_percent := 100 * budget.spent_usd / nullif(key.max_budget_usd, 0);
    crossed := CASE WHEN full_percent >= 100 THEN 100 WHEN full_percent >= 80 THEN 80
        WHEN full_percent >= 50 THEN 50 ELSE 0 END;
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    IF crossed IS NULL OR crossed <= budget.announced_percent THEN
        crossed := NULL;
        RETURN NEXT;
        RETURN;
    END IF;
    UPDATE key_budget AS b SET announced_percent = crossed
    WHERE b.tenant_id = p_tenant AND b.family_id = family;
    FOR crossed IN SELECT step FROM unnest(ARRAY[100, 80, 50]) AS step
        WHERE step <= full_percent AND step > budget.announced_percent ORDER BY step DESC
    LOOP
        RETURN NEXT;
    END LOOP;
END $$;
