-- Refuses a key that another key issued which is revoked or blocked when the transaction ends: a
-- request that runs while its key is revoked issues nothing. The trigger that calls this is
-- deferred, so the issuing key is locked during the commit only: whoever stops it never waits for
-- its requests.
-- Locks: the issuing key's row, shared, and does not wait for it.
CREATE OR REPLACE FUNCTION check_issuer() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    issuer record;
BEGIN
    PERFORM set_config('app.tenant_id', NEW.tenant_id, true);
    SELECT k.revoked_at, k.blocked INTO issuer FROM api_key AS k
    WHERE k.tenant_id = NEW.tenant_id AND k.id = NEW.created_by FOR SHARE NOWAIT;
    PERFORM set_config('app.tenant_id', entered, true);
    IF issuer.revoked_at IS NOT NULL OR issuer.blocked THEN
        RAISE exclusion_violation USING CONSTRAINT = 'live_issuer',
            MESSAGE = 'the issuing key was stopped meanwhile';
    END IF;
    RETURN NULL;
END $$;
