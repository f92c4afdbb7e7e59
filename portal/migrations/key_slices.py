"""Budgets lent in slices: a busy process reserves one and assigns its parts without a query.

History: migrations up to 0033 install these texts, which must not change any more. The current text
of each function is in `functions/`.

A slice is a row of spend_reservation with a secret. Its `usd` is the part that is neither settled
nor returned, so it is released when it expires, like every reservation.
"""

# Lend only if the budget is far from its limit. A slice is at most a 64th of the available amount,
# so an idle slice hardly ever denies another process, and PostgreSQL decides all of the last calls
# of a budget. Durable at once, because pieces of the slice are promised before they are written.
LEND_BUDGET = """
CREATE FUNCTION lend_budget(
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
END $$
"""

# Release the unused part of a slice. Return the released amount.
RETURN_BUDGET = """
CREATE FUNCTION return_budget(p_tenant text, p_id text, p_usd numeric)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    slice spend_reservation;
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant, true);
    PERFORM 1 FROM key_budget AS b JOIN spend_reservation AS s
        ON b.tenant_id = s.tenant_id AND b.family_id = s.family_id
    WHERE s.tenant_id = p_tenant AND s.id = p_id FOR UPDATE OF b;
    UPDATE spend_reservation SET usd = usd - p_usd
    WHERE tenant_id = p_tenant AND id = p_id AND released_at IS NULL AND usd >= p_usd
    RETURNING * INTO slice;
    IF slice.id IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE key_budget SET reserved_usd = reserved_usd - p_usd
    WHERE tenant_id = p_tenant AND family_id = slice.family_id
        AND period_start = slice.period_start;
    RETURN p_usd;
END $$
"""

# Settle a piece of a slice, as settle_reservation settles a reservation. The caller has verified
# the piece's seal. The held amount is deducted from the slice once.
SETTLE_PIECE = """
CREATE FUNCTION settle_piece(
    p_tenant text, p_slice text, p_id text, p_held numeric, p_held_tokens bigint, p_bucket bigint,
    p_usd numeric, p_tokens bigint, p_model text
) RETURNS TABLE (
    key_id text, repeated boolean, crossed integer, spent_usd numeric, reserved_usd numeric,
    max_usd numeric, period_end timestamptz, cost_usd numeric
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    slice spend_reservation;
    freed numeric := 0;
    again boolean;
BEGIN
    PERFORM 1 FROM key_budget AS b JOIN spend_reservation AS s
        ON b.tenant_id = s.tenant_id AND b.family_id = s.family_id
    WHERE s.tenant_id = p_tenant AND s.id = p_slice FOR UPDATE OF b;
    SELECT * INTO slice FROM spend_reservation AS s
    WHERE s.tenant_id = p_tenant AND s.id = p_slice FOR UPDATE;
    again := EXISTS (
        SELECT 1 FROM spend_ledger AS l WHERE l.tenant_id = p_tenant AND l.id = p_id);
    IF NOT again AND slice.released_at IS NULL THEN
        freed := least(p_held, slice.usd);
        UPDATE spend_reservation AS s SET usd = s.usd - freed
        WHERE s.tenant_id = p_tenant AND s.id = p_slice;
    END IF;
    RETURN QUERY SELECT slice.key_id::text, spent.* FROM spend_on_key(p_tenant, p_id, 'settled',
        slice.key_id, p_usd, freed, slice.period_start, p_tokens, p_model) AS spent;
    IF NOT again AND p_tokens IS NOT NULL THEN
        UPDATE key_window AS w SET tokens = greatest(0, w.tokens + p_tokens - p_held_tokens)
        WHERE w.tenant_id = p_tenant AND w.key_id = slice.key_id AND w.bucket = p_bucket;
    END IF;
END $$
"""

# As in `key_engine`, but an expired slice with nothing left writes no line to the ledger.
RELEASE_EXPIRED = """
CREATE OR REPLACE FUNCTION release_expired(p_tenant text, p_family text, p_at timestamptz)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began timestamptz;
    freed numeric;
BEGIN
    SELECT period_start INTO began FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    WITH due AS (
        UPDATE spend_reservation SET released_at = p_at
        WHERE tenant_id = p_tenant AND family_id = p_family
            AND expires_at <= p_at AND released_at IS NULL
        RETURNING *
    ), noted AS (
        INSERT INTO spend_ledger (tenant_id, id, kind, key_id, family_id, period_start, cost_usd,
            reserved_usd, noted_at)
        SELECT tenant_id, id || '/expired', 'expired', key_id, family_id, period_start, 0, usd, p_at
        FROM due WHERE secret IS NULL OR usd > 0
    )
    SELECT coalesce(sum(usd) FILTER (WHERE period_start = began), 0) INTO freed FROM due;
    UPDATE key_budget SET reserved_usd = reserved_usd - freed
    WHERE freed > 0 AND tenant_id = p_tenant AND family_id = p_family;
    RETURN freed;
END $$
"""

# When a budget is used up, notify the processes that hold slices of it as if its keys had changed.
USED_UP = """
CREATE FUNCTION note_used_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || k.id) FROM api_key AS k
    WHERE k.tenant_id = NEW.tenant_id
        AND (k.id = NEW.family_id OR k.rotation_family_id = NEW.family_id);
    RETURN NULL;
END $$
"""
USED_UP_TRIGGER = """
CREATE TRIGGER key_budget_used_up AFTER UPDATE ON key_budget FOR EACH ROW
WHEN (NEW.announced_percent = 100 AND OLD.announced_percent < 100) EXECUTE FUNCTION note_used_up()
"""

FUNCTIONS = {
    "lend_budget": LEND_BUDGET,
    "return_budget": RETURN_BUDGET,
    "settle_piece": SETTLE_PIECE,
}
"""Name → definition."""
