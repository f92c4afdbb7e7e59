-- Returns the end of the period that contains a moment, by the calendar of a time zone; NULL for
-- `none`.
-- Locks: none.
CREATE OR REPLACE FUNCTION budget_period_end(period text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period <> 'none' THEN
        (date_trunc(period, at AT TIME ZONE zone) + ('1 ' || period)::interval) AT TIME ZONE zone
    END
$$;
