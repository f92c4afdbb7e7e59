-- Makes the partitions of the audit trail from this month until so many months ahead (36 at most),
-- each with row-level security. The portal's own role cannot create tables, so this runs as the
-- owner, and the worker calls it.
-- Locks: audit_entry, exclusively, while a partition is attached to it.
CREATE OR REPLACE FUNCTION ensure_audit_partitions(months integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_day date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
    month date;
    name text;
BEGIN
    FOR step IN 0..least(months, 36) LOOP
        month := (first_day + make_interval(months => step))::date;
        name := 'audit_entry_' || to_char(month, 'YYYYMM');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format(
                'CREATE TABLE %I PARTITION OF audit_entry FOR VALUES FROM (%L) TO (%L)',
                name, month::text || ' 00:00+00',
                (month + interval '1 month')::date::text || ' 00:00+00');
            EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
            EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
            EXECUTE format(
                'CREATE POLICY tenant ON %I USING (tenant_id = (SELECT current_tenant()))'
                ' WITH CHECK (tenant_id = (SELECT current_tenant()))', name);
        END IF;
    END LOOP;
END $$;
