-- Returns the tenants that have a rotation to end: its time has come, its old key is revoked, or it
-- waits until the old key has been unused for `quiet`, and that or `longest` has passed.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_rotations(
    after_tenant text, at_most integer, quiet interval, longest interval
) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        SELECT FROM key_rotation r
        JOIN api_key k ON k.tenant_id = r.tenant_id AND k.id = r.old_key_id
        JOIN api_key_runtime u ON u.tenant_id = r.tenant_id AND u.key_id = r.old_key_id
        WHERE r.tenant_id = t.id AND r.finished_at IS NULL AND (k.revoked_at IS NOT NULL
            OR CASE WHEN r.finish_at IS NOT NULL THEN r.finish_at <= now()
                ELSE greatest(r.started_at, u.last_used_at) + quiet <= now()
                    OR r.started_at + longest <= now() END) LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
