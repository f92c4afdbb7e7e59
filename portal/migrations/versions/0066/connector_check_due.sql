-- Wakes the engine of checks for a check that is asked for. One for later is found when it is due.
-- Locks: none.
CREATE OR REPLACE TRIGGER connector_check_due AFTER INSERT OR UPDATE OF due_at ON connector_check
FOR EACH ROW WHEN (NEW.state = 'queued' AND NEW.due_at <= now())
EXECUTE FUNCTION note_due_work('checks');
