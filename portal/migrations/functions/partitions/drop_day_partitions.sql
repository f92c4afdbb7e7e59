-- Drops the partitions of days that are older than so many days (30 at least). Returns how many.
-- Runs as the owner, like ensure_day_partitions.
-- Locks: each parent table and each dropped partition, exclusively.
CREATE OR REPLACE FUNCTION drop_day_partitions(keep_days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text; dropped integer := 0;
BEGIN
    FOR name IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('event'::regclass, 'delivery'::regclass, 'delivery_attempt'::regclass)
        AND c.relname ~ '_[0-9]{8}$'
        AND to_date(right(c.relname, 8), 'YYYYMMDD')
            < (now() AT TIME ZONE 'UTC')::date - greatest(keep_days, 30)
    LOOP
        EXECUTE format('DROP TABLE %I', name);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
