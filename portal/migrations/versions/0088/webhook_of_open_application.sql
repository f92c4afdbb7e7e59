-- Refuses a webhook of an application that is stopped or deleted when the transaction ends.
-- Locks: those of check_open_application.
DROP TRIGGER IF EXISTS webhook_of_open_application ON webhook;
CREATE CONSTRAINT TRIGGER webhook_of_open_application
AFTER INSERT OR UPDATE OF application_id, is_deleted ON webhook
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.application_id IS NOT NULL)
EXECUTE FUNCTION check_open_application();
