-- Releases reservations that were not settled in time, each with a line in the ledger: the `p_most`
-- that expired first, and `p_first`, the id of one that the caller knows to have expired, or NULL.
-- An expired slice with nothing left has no line, and an id that expires again has no second one.
-- Returns a row for each key: the number of reservations with a line, their amount, the number of
-- all that were released, and the amount that is available again in the current period.
-- Locks: the family's row of key_budget, then the reservations that are released.
CREATE OR REPLACE FUNCTION release_some(
    p_tenant text, p_family text, p_at timestamptz, p_most integer, p_first text
) RETURNS TABLE (key_id text, reservations bigint, usd numeric, released bigint, freed numeric)
LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    began timestamptz;
    freed_by_all numeric := 0;
BEGIN
    SELECT period_start INTO began FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    FOR key_id, reservations, usd, released, freed IN
        WITH due AS (
            -- By their ids alone: other conditions can make PostgreSQL read all that are due.
            UPDATE spend_reservation SET released_at = p_at
            WHERE tenant_id = p_tenant AND id = ANY (p_first || ARRAY(
                SELECT id FROM spend_reservation
                WHERE tenant_id = p_tenant AND family_id = p_family
                    AND expires_at <= p_at AND released_at IS NULL
                ORDER BY expires_at LIMIT p_most))
            RETURNING *
        ), noted AS (
            INSERT INTO spend_ledger (tenant_id, id, kind, key_id, family_id, period_start,
                cost_usd, reserved_usd, noted_at)
            SELECT tenant_id, id || '/expired', 'expired', key_id, family_id, period_start, 0, usd,
                p_at
            FROM due WHERE secret IS NULL OR usd > 0
            ON CONFLICT DO NOTHING
        )
        SELECT key_id, count(*) FILTER (WHERE secret IS NULL OR usd > 0), sum(usd), count(*),
            coalesce(sum(usd) FILTER (WHERE period_start = began), 0)
        FROM due GROUP BY key_id
    LOOP
        freed_by_all := freed_by_all + freed;
        RETURN NEXT;
    END LOOP;
    UPDATE key_budget SET reserved_usd = reserved_usd - freed_by_all
    WHERE freed_by_all > 0 AND tenant_id = p_tenant AND family_id = p_family;
END $$;
