-- Tells every verifier that a hash has become a key, so that nobody goes on remembering that there
-- is none. No number: nothing that was true becomes false.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || NEW.key_hash);
    RETURN NULL;
END $$;
