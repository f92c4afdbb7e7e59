-- Refuses a key that another key issued which is stopped when the transaction ends.
-- Locks: those of check_issuer.
DROP TRIGGER IF EXISTS api_key_issued ON api_key;
CREATE CONSTRAINT TRIGGER api_key_issued AFTER INSERT ON api_key
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (starts_with(NEW.created_by, 'key_'))
EXECUTE FUNCTION check_issuer();
