-- Makes the unused part of a slice available again. Returns the amount.
-- Locks: the family's row of key_budget, then the slice's row of spend_reservation.
CREATE OR REPLACE FUNCTION return_budget(p_tenant text, p_id text, p_usd numeric)
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
END $$;
