-- Returns the counts of a key as of a slot. A slot is two seconds: its number is the seconds since
-- 1970, halved. Counts that are too old are dropped. Four slots lie in the future, for leases that
-- last until then. The window is the slot and the 30 before it: 60 seconds and a part of a slot, so
-- no 60 seconds have more calls than are counted here. If the clock goes back by up to a minute,
-- calls count in the newest slot; if it goes back further, the counts start at zero.
-- Locks: none; it takes a row and returns one.
CREATE OR REPLACE FUNCTION rate_at(held key_rate, p_slot bigint) RETURNS key_rate
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    passed bigint := p_slot + 4 - held.newest;
    zeros CONSTANT bigint[] := array_fill(0::bigint, ARRAY[35]);
BEGIN
    IF passed BETWEEN -30 AND 0 THEN
        RETURN held;
    END IF;
    IF passed BETWEEN 1 AND 34 THEN
        FOR old IN 1..passed LOOP
            held.requests_sum := held.requests_sum - held.requests[old];
            held.tokens_sum := held.tokens_sum - held.tokens[old];
        END LOOP;
        held.requests := held.requests[passed + 1:35] || zeros[1:passed];
        held.tokens := held.tokens[passed + 1:35] || zeros[1:passed];
    ELSE
        held.requests := zeros;
        held.tokens := zeros;
        held.requests_sum := 0;
        held.tokens_sum := 0;
    END IF;
    held.newest := p_slot + 4;
    RETURN held;
END $$;
