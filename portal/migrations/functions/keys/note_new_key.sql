-- Tells every verifier that a hash is now a key, so that none remembers it as unknown. It needs no
-- number, because nothing that was true becomes false.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || NEW.key_hash);
    RETURN NULL;
END $$;
