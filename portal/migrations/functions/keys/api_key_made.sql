-- Tells all verifiers about each new key.
-- Locks: none.
CREATE OR REPLACE TRIGGER api_key_made AFTER INSERT ON api_key
FOR EACH ROW EXECUTE FUNCTION note_new_key();
