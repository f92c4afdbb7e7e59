-- Counts one more attempt with an unknown key from a source in the current minute. Returns the
-- count over all processes, and the seconds that remain of the minute.
-- Locks: the source's row of unknown_key_source.
CREATE OR REPLACE FUNCTION note_unknown_key(p_source text)
RETURNS TABLE (failures integer, seconds_left double precision)
LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    seconds double precision := extract(epoch FROM clock_timestamp());
    running bigint := floor(seconds / 60);
BEGIN
    INSERT INTO unknown_key_source AS s (source, minute, failures) VALUES (p_source, running, 1)
    ON CONFLICT (source) DO UPDATE SET minute = running,
        failures = CASE WHEN s.minute = running THEN s.failures + 1 ELSE 1 END
    RETURNING s.failures INTO failures;
    seconds_left := 60 * (running + 1) - seconds;
    RETURN NEXT;
END $$;
