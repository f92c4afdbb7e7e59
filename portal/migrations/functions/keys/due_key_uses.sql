-- Returns the tenants that may have old data about the use of keys to delete: refusals older than
-- `denials` or more than `most` of them, counts older than `counts`, or any reservation; only the
-- job knows whether a reservation is old.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_key_uses(
    after_tenant text, at_most integer, denials interval, most integer, counts interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT FROM key_denial d
            WHERE d.tenant_id = t.id AND d.denied_at < now() - denials LIMIT 1)
        UNION ALL
        (SELECT FROM key_use u WHERE u.tenant_id = t.id AND u.hour < now() - counts LIMIT 1)
        UNION ALL
        (SELECT FROM spend_reservation s WHERE s.tenant_id = t.id LIMIT 1)
        UNION ALL
        (SELECT FROM key_denial d
            WHERE d.tenant_id = t.id ORDER BY d.denied_at DESC OFFSET most LIMIT 1)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
