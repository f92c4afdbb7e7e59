-- Refuses a record that a key made which has ended or is blocked when the transaction ends, or whose
-- parent has: a request that runs while its key is revoked makes nothing. A key that the transaction
-- itself revoked counts as working: it made its successor. The triggers that call this are deferred,
-- so the key is locked during the commit only: whoever stops it never waits for its requests.
-- Locks: the rows of the key and its parent, shared, by id. Waits for them for 0.2 s; not at all if
-- this transaction has the number of a change (note_key_change), for which who has them may wait.
CREATE OR REPLACE FUNCTION check_acting_key() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    patience text := current_setting('lock_timeout');
    acting record;
    has_ended boolean := false;
BEGIN
    PERFORM set_config('app.tenant_id', NEW.tenant_id, true);
    PERFORM set_config('lock_timeout', CASE
        WHEN current_setting('app.key_change', true) LIKE pg_current_xact_id()::text || ':%'
        THEN '1ms' ELSE '200ms' END, true);
    FOR acting IN
        -- now() is when the transaction began, which a revocation stores (`service.end`).
        SELECT coalesce(k.revoked_at <> now(), false) OR k.blocked
            OR coalesce(least(k.revoke_at, k.expires_at) <= clock_timestamp(), false) AS has_ended
        FROM api_key AS k
        WHERE k.tenant_id = NEW.tenant_id AND k.id IN (NEW.created_by, (
            SELECT c.parent_key_id FROM api_key AS c
            WHERE c.tenant_id = NEW.tenant_id AND c.id = NEW.created_by))
        ORDER BY k.id FOR SHARE OF k
    LOOP
        has_ended := has_ended OR acting.has_ended;
    END LOOP;
    PERFORM set_config('lock_timeout', patience, true);
    PERFORM set_config('app.tenant_id', entered, true);
    IF has_ended THEN
        RAISE exclusion_violation USING CONSTRAINT = 'acting_key',
            MESSAGE = 'the acting key was stopped meanwhile';
    END IF;
    RETURN NULL;
END $$;
