-- Returns the tenants that have a record of the table `kind`, deleted longer than `age` ago. Raises
-- undefined_object for a table without the policy `engine`: it would look empty, and stay full.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_purges(
    after_tenant text, at_most integer, kind text, age interval
) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_policy
        WHERE polname = 'engine' AND polrelid = to_regclass(format('public.%I', kind))
    ) THEN
        RAISE undefined_object USING
            MESSAGE = format('There is no table %I that the worker may read.', kind),
            HINT = 'Create the policy "engine" for it; record_table in migrations does.';
    END IF;
    RETURN QUERY EXECUTE format(
        'SELECT t.id::text FROM tenant t
        CROSS JOIN LATERAL (
            SELECT FROM public.%I r
            WHERE r.tenant_id = t.id AND r.is_deleted AND r.deleted_at < now() - $3 LIMIT 1
        ) due
        WHERE t.id > $1 ORDER BY t.id LIMIT $2', kind)
        USING after_tenant, at_most, age;
END $$;
