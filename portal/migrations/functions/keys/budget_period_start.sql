-- Returns the start of the period (`none`, `day`, `week`, `month`) that contains a moment, by the
-- calendar of a time zone. PostgreSQL does the arithmetic, because it knows the summer time of
-- every zone.
-- Locks: none.
CREATE OR REPLACE FUNCTION budget_period_start(period text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period = 'none' THEN 'epoch'::timestamptz
        ELSE date_trunc(period, at AT TIME ZONE zone) AT TIME ZONE zone END
$$;
