-- Settles an amount that a process promised from its slice, as settle_reservation settles a
-- reservation. The caller has checked the seal of the amount. It is taken out of the slice only
-- once.
-- Locks: the family's row of key_budget, the slice's row of spend_reservation, then those of
-- spend_on_key, then the key's row of key_rate.
CREATE OR REPLACE FUNCTION settle_piece(
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
        PERFORM correct_tokens(p_tenant, slice.key_id, p_bucket, p_tokens - p_held_tokens);
    END IF;
END $$;
