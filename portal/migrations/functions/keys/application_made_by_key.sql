-- Refuses an application that a key made which is stopped when the transaction ends.
-- Locks: those of check_acting_key.
DROP TRIGGER IF EXISTS application_made_by_key ON application;
CREATE CONSTRAINT TRIGGER application_made_by_key AFTER INSERT ON application
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (starts_with(NEW.created_by, 'key_'))
EXECUTE FUNCTION check_acting_key();
