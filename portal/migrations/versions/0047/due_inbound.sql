-- Returns the tenants that may have inbound requests or marks to forget: a request older than
-- `age`, the shorter of the times for which requests are kept, or a mark that has expired.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_inbound(after_tenant text, at_most integer, age interval) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT FROM inbound_request r
            WHERE r.tenant_id = t.id AND r.received_at < now() - age LIMIT 1)
        UNION ALL
        (SELECT FROM inbound_mark m
            WHERE m.tenant_id = t.id AND m.expires_at < now() LIMIT 1)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
