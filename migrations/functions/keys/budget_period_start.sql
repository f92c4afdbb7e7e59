-- The start of the period (`none`, `day`, `week`, `month`) in which a moment lies, by the calendar
-- of a time zone. Calendar arithmetic is PostgreSQL's: it knows every zone's summer time.
-- Locks: none.
CREATE OR REPLACE FUNCTION budget_period_start(period text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period = 'none' THEN 'epoch'::timestamptz
        ELSE date_trunc(period, at AT TIME ZONE zone) AT TIME ZONE zone END
$$;
