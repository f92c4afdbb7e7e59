-- Refuses an API key that a key made which is stopped when the transaction ends.
-- Locks: those of check_acting_key.
DROP TRIGGER IF EXISTS api_key_made_by_key ON api_key;
CREATE CONSTRAINT TRIGGER api_key_made_by_key AFTER INSERT ON api_key
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (starts_with(NEW.created_by, 'key_'))
EXECUTE FUNCTION check_acting_key();
