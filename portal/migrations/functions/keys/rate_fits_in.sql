-- Returns the milliseconds until enough has left a window for `p_needed` to fit under `p_limit`;
-- NULL if it never fits. `p_counts` are the slots of rate_at, the oldest first.
-- Locks: none.
CREATE OR REPLACE FUNCTION rate_fits_in(
    p_counts bigint[], p_newest bigint, p_limit bigint, p_needed bigint, p_at timestamptz
) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    counted bigint := (SELECT sum(n) FROM unnest(p_counts) AS n);
BEGIN
    FOR slot IN 1..35 LOOP
        EXIT WHEN counted + p_needed <= p_limit OR p_needed > p_limit;
        counted := counted - p_counts[slot];
        IF counted + p_needed <= p_limit THEN
            -- This slot is the first of 35 that end with the newest; it counts for 31 of them.
            RETURN ceil(1000 * (2 * (p_newest - 35 + slot + 31) - extract(epoch FROM p_at)));
        END IF;
    END LOOP;
    RETURN CASE WHEN p_needed <= p_limit THEN 0 END;
END $$;
