-- Every change of a key is told to all verifiers with the commit that makes it.
-- Locks: those of note_key_change.
DROP TRIGGER IF EXISTS api_key_changed ON api_key;
CREATE CONSTRAINT TRIGGER api_key_changed AFTER UPDATE OR DELETE ON api_key
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_key_change();
