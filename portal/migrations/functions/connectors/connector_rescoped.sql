-- Calls note_audience when a connector is for others than before.
-- Locks: those of note_audience.
CREATE OR REPLACE TRIGGER connector_rescoped AFTER UPDATE OF scope, user_id, group_id ON connector
FOR EACH ROW WHEN (
    (OLD.scope, OLD.user_id, OLD.group_id) IS DISTINCT FROM (NEW.scope, NEW.user_id, NEW.group_id)
) EXECUTE FUNCTION note_audience();
