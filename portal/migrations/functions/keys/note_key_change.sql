-- Tells every verifier about a change of a key, or of an application that affects keys, with the
-- commit that makes it: a number in key_change, and a notice `number record-id` on key_changed. The
-- triggers that call this are deferred, so the number is taken at the end of the transaction and
-- held until the commit. Numbers therefore become visible in order: a process that has seen one has
-- seen all before it. Each transaction has one number, however many rows change. Runs as the owner,
-- because no other role may write the number of a change.
-- Locks: the row of key_change_seq until the commit, so these commits happen one after the other;
-- then the record's row of key_change.
CREATE OR REPLACE FUNCTION note_key_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed record := coalesce(NEW, OLD);
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    own text := pg_current_xact_id()::text;
    noted bigint;
BEGIN
    IF current_setting('app.key_change', true) LIKE own || ':%' THEN
        noted := split_part(current_setting('app.key_change', true), ':', 2);
    ELSE
        UPDATE key_change_seq SET seq = seq + 1 RETURNING seq INTO noted;
        PERFORM set_config('app.key_change', own || ':' || noted, true);
    END IF;
    PERFORM set_config('app.tenant_id', changed.tenant_id, true);
    INSERT INTO key_change (tenant_id, record_id, seq, changed_at)
    VALUES (changed.tenant_id, changed.id, noted, clock_timestamp())
    ON CONFLICT (tenant_id, record_id)
    DO UPDATE SET seq = excluded.seq, changed_at = excluded.changed_at;
    PERFORM set_config('app.tenant_id', entered, true);
    PERFORM pg_notify('key_changed', noted || ' ' || changed.id);
    RETURN NULL;
END $$;
