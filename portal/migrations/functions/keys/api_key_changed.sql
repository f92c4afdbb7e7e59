-- Tells all verifiers about each change of a key, with the commit that makes the change.
-- Locks: those of note_key_change.
DROP TRIGGER IF EXISTS api_key_changed ON api_key;
CREATE CONSTRAINT TRIGGER api_key_changed AFTER UPDATE OR DELETE ON api_key
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_key_change();
