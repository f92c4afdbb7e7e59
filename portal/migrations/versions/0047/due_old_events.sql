-- Returns the tenants that have events from before the days that they keep them, which are
-- `usual_days` for those that did not choose.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_old_events(
    after_tenant text, at_most integer, usual_days integer
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t LEFT JOIN event_settings s ON s.tenant_id = t.id
    CROSS JOIN LATERAL (
        SELECT FROM event r WHERE r.tenant_id = t.id
            AND r.id < ulid_floor('evt', now() - make_interval(days => coalesce(s.retention_days, usual_days)))
            AND r.received_at < now() - make_interval(days => coalesce(s.retention_days, usual_days)) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
