-- Replaces a reservation with the real cost of the call: in the ledger, in every counter, and in
-- the tokens of the slot in which the call was counted, if that slot still counts. A repeated call
-- gets the first answer again. Returns no row if there never was such a reservation; a slice is
-- none: its pieces are settled, by settle_piece.
-- Locks, in the order of admit_key: the family's row of key_budget, the reservation, then those of
-- spend_on_key, then the key's row of key_rate.
CREATE OR REPLACE FUNCTION settle_reservation(
    p_tenant text, p_id text, p_usd numeric, p_tokens bigint, p_model text, p_kind text
) RETURNS TABLE (
    key_id text, repeated boolean, crossed integer, spent_usd numeric, reserved_usd numeric,
    max_usd numeric, period_end timestamptz, cost_usd numeric
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    held spend_reservation;
    lent numeric;
BEGIN
    -- The budget first, as in admit_key: two that lock in one order never wait for each other.
    PERFORM 1 FROM key_budget AS b JOIN spend_reservation AS s
        ON b.tenant_id = s.tenant_id AND b.family_id = s.family_id
    WHERE s.tenant_id = p_tenant AND s.id = p_id FOR UPDATE OF b;
    DELETE FROM spend_reservation AS s
    WHERE s.tenant_id = p_tenant AND s.id = p_id AND s.secret IS NULL
    RETURNING * INTO held;
    IF held.id IS NULL THEN
        -- Settled before: the ledger gives the same answer. Else there never was one.
        SELECT l.key_id INTO key_id FROM spend_ledger AS l
        WHERE l.tenant_id = p_tenant AND l.id = p_id AND l.kind = 'settled';
        IF key_id IS NULL THEN
            RETURN;
        END IF;
    ELSE
        key_id := held.key_id;
        -- NULL in the ledger: what had been held was released before.
        lent := CASE WHEN held.released_at IS NULL THEN held.usd END;
    END IF;
    RETURN QUERY SELECT admitted.key_id, spent.* FROM (SELECT key_id) AS admitted,
        spend_on_key(p_tenant, p_id, p_kind, admitted.key_id, p_usd, lent, held.period_start,
            p_tokens, p_model) AS spent;
    IF held.id IS NOT NULL AND p_tokens IS NOT NULL THEN
        PERFORM correct_tokens(p_tenant, held.key_id, held.bucket, p_tokens - held.tokens);
    END IF;
END $$;
