-- Refuses an event type that a key made which is stopped when the transaction ends.
-- Locks: those of check_acting_key.
DROP TRIGGER IF EXISTS event_type_made_by_key ON event_type;
CREATE CONSTRAINT TRIGGER event_type_made_by_key AFTER INSERT ON event_type
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (starts_with(NEW.created_by, 'key_'))
EXECUTE FUNCTION check_acting_key();
