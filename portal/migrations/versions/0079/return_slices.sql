-- Takes back what a process was lent and did not use: requests and tokens of leases, in the slot in
-- which they were counted, and money of slices of a budget. Returns the `n` of those that are done.
-- No count falls below zero: a crash may have forgotten that a lease was lent.
-- One whose rows another transaction holds is left out, and must be returned again. One that is too
-- old to count is done.
-- Locks, and waits for none of them: the family's row of key_budget and the slice's row of
-- spend_reservation; the key's row of key_rate.
CREATE OR REPLACE FUNCTION return_slices(p_slices jsonb) RETURNS SETOF integer
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    back record;
    family text;
    slice spend_reservation;
    place integer;
    rate key_rate;
BEGIN
    FOR back IN SELECT * FROM jsonb_to_recordset(p_slices) AS given (
        n integer, tenant text, key text, slot bigint, requests integer, tokens bigint,
        slice text, usd numeric
    ) LOOP
        PERFORM set_config('app.tenant_id', back.tenant, true);
        IF back.slice IS NOT NULL THEN
            SELECT s.family_id INTO family FROM spend_reservation AS s
            WHERE s.tenant_id = back.tenant AND s.id = back.slice;
            PERFORM FROM key_budget AS b
            WHERE b.tenant_id = back.tenant AND b.family_id = family FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND AND family IS NOT NULL;
            -- Found by its id alone: a condition on released_at can make PostgreSQL read the index
            -- of all that are not released, thousands of rows for one.
            SELECT * INTO slice FROM spend_reservation AS s
            WHERE s.tenant_id = back.tenant AND s.id = back.slice FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND AND family IS NOT NULL;
            IF slice.released_at IS NULL AND slice.usd >= back.usd THEN
                UPDATE spend_reservation AS s SET usd = s.usd - back.usd
                WHERE s.tenant_id = back.tenant AND s.id = back.slice;
                UPDATE key_budget AS b SET reserved_usd = b.reserved_usd - back.usd
                WHERE b.tenant_id = back.tenant AND b.family_id = family
                    AND b.period_start = slice.period_start;
            END IF;
        ELSE
            SELECT * INTO rate FROM key_rate AS r
            WHERE r.tenant_id = back.tenant AND r.key_id = back.key FOR UPDATE SKIP LOCKED;
            CONTINUE WHEN NOT FOUND AND EXISTS (
                SELECT FROM key_rate AS r
                WHERE r.tenant_id = back.tenant AND r.key_id = back.key);
            place := 35 - (rate.newest - back.slot);
            IF place BETWEEN 1 AND 35 THEN
                back.requests := greatest(0, least(back.requests, rate.requests[place]));
                back.tokens := greatest(0, least(back.tokens, rate.tokens[place]));
                UPDATE key_rate AS r SET
                    requests[place] = r.requests[place] - back.requests,
                    requests_sum = r.requests_sum - back.requests,
                    tokens[place] = r.tokens[place] - back.tokens,
                    tokens_sum = r.tokens_sum - back.tokens
                WHERE r.tenant_id = back.tenant AND r.key_id = back.key;
            END IF;
        END IF;
        RETURN NEXT back.n;
    END LOOP;
END $$;
