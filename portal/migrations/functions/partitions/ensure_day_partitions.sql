-- Makes the partitions of events, deliveries and attempts from yesterday until so many days ahead
-- (60 at most), each with row-level security. Returns how many were made; a second call makes none.
-- The portal's own role cannot create tables, so this runs as the owner, and the worker calls it.
-- Locks: each parent table, exclusively, while a partition is attached to it.
CREATE OR REPLACE FUNCTION ensure_day_partitions(days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    parent text; prefix text; day date; name text; low text; high text;
    made integer := 0;
BEGIN
    FOR parent, prefix IN VALUES ('event', 'evt'), ('delivery', 'dlv'), ('delivery_attempt', 'att') LOOP
        FOR step IN -1..least(days, 60) LOOP
            day := (now() AT TIME ZONE 'UTC')::date + step;
            name := parent || '_' || to_char(day, 'YYYYMMDD');
            CONTINUE WHEN to_regclass(name) IS NOT NULL;
            low := ulid_floor(prefix, day::timestamp AT TIME ZONE 'UTC');
            high := ulid_floor(prefix, (day + 1)::timestamp AT TIME ZONE 'UTC');
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                    name, parent, low, high);
            EXCEPTION WHEN check_violation OR invalid_object_definition THEN
                -- Rows of that day that came before their partition stay where they are, and a
                -- day that another partition has needs none of its own.
                CONTINUE;
            END;
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
            EXECUTE format(
                'CREATE POLICY tenant ON %I USING (tenant_id = (SELECT current_tenant()))'
                ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;
