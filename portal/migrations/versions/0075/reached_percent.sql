-- Returns the highest of the announced percentages (50, 80, 100) of a budget that is spent, or 0.
-- Locks: none.
CREATE OR REPLACE FUNCTION reached_percent(p_spent numeric, p_max numeric) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN p_spent >= p_max THEN 100 WHEN p_spent >= 0.8 * p_max THEN 80
        WHEN p_spent >= 0.5 * p_max THEN 50 ELSE 0 END
$$;
