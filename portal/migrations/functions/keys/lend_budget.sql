-- Lends a process a slice of a budget, from which it serves calls without asking again. The slice
-- is a row of spend_reservation with a secret, and expires like every reservation. `usd` of that
-- row is the part that is neither settled nor returned. A slice is at most a 64th of the available
-- amount, so an unused slice rarely causes another process to refuse a call; the last calls of a
-- budget are decided in admit_key. Durable when it returns, because the process promises amounts
-- from the slice before it writes them.
-- Locks: the family's row of key_budget.
CREATE OR REPLACE FUNCTION lend_budget(
    p_tenant text, p_key text, p_family text, p_max_usd numeric, p_period text, p_zone text,
    p_want numeric, p_least numeric, p_id text, p_secret bytea, p_lend_ms integer, p_hold integer
) RETURNS TABLE (
    lent_usd numeric, left_ms integer, spent_usd numeric, reserved_usd numeric,
    period_end timestamptz
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    at timestamptz;
    budget key_budget;
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant, true);
    budget := touch_budget(p_tenant, p_family, p_period, p_zone, clock_timestamp());
    at := clock_timestamp();
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    -- A period's slice is not spent in the next one.
    left_ms := least(p_lend_ms, floor(extract(epoch FROM budget.period_end - at) * 1000));
    lent_usd := trunc(
        least(p_want, (p_max_usd - budget.spent_usd - budget.reserved_usd) / 64), 9);
    IF lent_usd < p_least OR left_ms <= 0 THEN
        lent_usd := 0;
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('synchronous_commit', 'on', true);
    reserved_usd := reserved_usd + lent_usd;
    UPDATE key_budget AS b SET reserved_usd = lend_budget.reserved_usd
    WHERE b.tenant_id = p_tenant AND b.family_id = p_family;
    INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd, bucket,
        expires_at, secret)
    VALUES (p_tenant, p_id, p_key, p_family, budget.period_start, lent_usd, 0,
        at + make_interval(secs => p_hold + p_lend_ms / 1000.0), p_secret);
    RETURN NEXT;
END $$;
