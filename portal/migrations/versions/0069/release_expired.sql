-- Releases the reservations of calls that were never settled, each with a line in the ledger; an
-- expired slice with nothing left has no line. Returns the amount that is available again in the
-- current period.
-- Locks: the family's row of key_budget, then the reservations that are due.
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
END $$;
