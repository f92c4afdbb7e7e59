-- Returns the tenants whose stored bytes are to be measured: never measured, marked as stale, or
-- with a row of the last day that was not measured, except those of the last minute, which may not
-- be committed yet.
-- Locks: none.
CREATE OR REPLACE FUNCTION due_measurements(after_tenant text, at_most integer) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT t.id FROM tenant t
    CROSS JOIN LATERAL (
        (SELECT WHERE NOT EXISTS (
            SELECT FROM quota_stored s WHERE s.tenant_id = t.id AND NOT s.is_stale))
        UNION ALL
        (SELECT FROM event r WHERE r.tenant_id = t.id
            AND r.id > ulid_floor('evt', now() - interval '1 day')
            AND r.id < ulid_floor('evt', now() - interval '1 minute')
            AND r.id > coalesce((SELECT max(d.up_to) FROM quota_stored_day d
                WHERE d.tenant_id = t.id AND d.kind = 'event' AND d.day > now() - interval '3 days'), '')
            LIMIT 1)
        UNION ALL
        (SELECT FROM delivery r WHERE r.tenant_id = t.id
            AND r.id > ulid_floor('dlv', now() - interval '1 day')
            AND r.id < ulid_floor('dlv', now() - interval '1 minute')
            AND r.id > coalesce((SELECT max(d.up_to) FROM quota_stored_day d
                WHERE d.tenant_id = t.id AND d.kind = 'delivery' AND d.day > now() - interval '3 days'), '')
            LIMIT 1)
        UNION ALL
        (SELECT FROM delivery_attempt r WHERE r.tenant_id = t.id
            AND r.id > ulid_floor('att', now() - interval '1 day')
            AND r.id < ulid_floor('att', now() - interval '1 minute')
            AND r.id > coalesce((SELECT max(d.up_to) FROM quota_stored_day d
                WHERE d.tenant_id = t.id AND d.kind = 'delivery_attempt' AND d.day > now() - interval '3 days'), '')
            LIMIT 1)
        UNION ALL
        (SELECT FROM inbound_request r WHERE r.tenant_id = t.id
            AND r.id > ulid_floor('inr', now() - interval '1 day')
            AND r.id < ulid_floor('inr', now() - interval '1 minute')
            AND r.id > coalesce((SELECT max(d.up_to) FROM quota_stored_day d
                WHERE d.tenant_id = t.id AND d.kind = 'inbound_request' AND d.day > now() - interval '3 days'), '')
            LIMIT 1)
        UNION ALL
        (SELECT FROM idempotency_key r WHERE r.tenant_id = t.id
            AND r.created_at > now() - interval '1 day'
            AND r.created_at < now() - interval '1 minute'
            AND r.created_at > coalesce((SELECT max(d.up_to) FROM quota_stored_day d
                WHERE d.tenant_id = t.id AND d.kind = 'idempotency_key'
                AND d.day > now() - interval '3 days')::timestamptz, '-infinity')
            LIMIT 1)
        LIMIT 1
    ) due
    WHERE t.id > after_tenant ORDER BY t.id LIMIT at_most
$$;
