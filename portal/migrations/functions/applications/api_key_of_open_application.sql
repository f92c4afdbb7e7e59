-- Refuses an API key of an application that is stopped or deleted when the transaction ends.
-- Locks: those of check_open_application.
DROP TRIGGER IF EXISTS api_key_of_open_application ON api_key;
CREATE CONSTRAINT TRIGGER api_key_of_open_application
AFTER INSERT OR UPDATE OF application_id, is_deleted ON api_key
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.application_id IS NOT NULL)
EXECUTE FUNCTION check_open_application();
