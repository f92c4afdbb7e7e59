-- Refuses a record that was made for an application, or moved or restored to it, if the application
-- is suspended, retired or deleted when the transaction ends, and a key also of a library. The
-- triggers that call this are deferred, so the application is locked during the commit only: whoever
-- stops it never waits for a long request that makes records for it.
-- Locks: the application's row, shared. Waits for it for 0.2 s; not at all if this transaction has
-- the number of a change (note_key_change), for which who has the application may be waiting.
CREATE OR REPLACE FUNCTION check_open_application() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    patience text := current_setting('lock_timeout');
    owner record;
BEGIN
    IF NEW.is_deleted OR (TG_OP = 'UPDATE' AND NOT OLD.is_deleted
        AND NEW.application_id IS NOT DISTINCT FROM OLD.application_id) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('app.tenant_id', NEW.tenant_id, true);
    PERFORM set_config('lock_timeout', CASE
        WHEN current_setting('app.key_change', true) LIKE pg_current_xact_id()::text || ':%'
        THEN '1ms' ELSE '200ms' END, true);
    SELECT a.status, a.kind, a.is_deleted INTO owner FROM application AS a
    WHERE a.tenant_id = NEW.tenant_id AND a.id = NEW.application_id FOR SHARE;
    PERFORM set_config('lock_timeout', patience, true);
    PERFORM set_config('app.tenant_id', entered, true);
    IF owner.is_deleted OR owner.status IN ('suspended', 'retired')
        OR (TG_TABLE_NAME = 'api_key' AND owner.kind = 'library') THEN
        RAISE exclusion_violation USING CONSTRAINT = 'open_application',
            MESSAGE = 'the application was closed meanwhile';
    END IF;
    RETURN NULL;
END $$;
