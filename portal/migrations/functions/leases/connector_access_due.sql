-- Wakes the engine of leases for a connector that a worker may take at once.
-- Locks: none.
CREATE OR REPLACE TRIGGER connector_access_due AFTER INSERT OR UPDATE OF due_at ON connector_access
FOR EACH ROW WHEN (NEW.due_at <= now())
EXECUTE FUNCTION note_due_work('leases');
