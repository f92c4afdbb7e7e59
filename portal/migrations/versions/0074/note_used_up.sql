-- Tells every process that may hold a slice of this budget that the budget is used up, as if the
-- keys of its family had changed. The processes then give up their slices, and each call is decided
-- in the database again.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_used_up() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || k.id) FROM api_key AS k
    WHERE k.tenant_id = NEW.tenant_id
        AND (k.id = NEW.family_id OR k.rotation_family_id = NEW.family_id);
    RETURN NULL;
END $$;
