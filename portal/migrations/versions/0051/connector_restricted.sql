-- Calls note_audience for a new connector that is not for the whole tenant.
-- Locks: those of note_audience.
CREATE OR REPLACE TRIGGER connector_restricted AFTER INSERT ON connector
FOR EACH ROW WHEN (NEW.scope <> 'org') EXECUTE FUNCTION note_audience();
