-- Tells all verifiers about a change of an application that affects its keys.
-- Locks: those of note_key_change.
DROP TRIGGER IF EXISTS application_changed ON application;
CREATE CONSTRAINT TRIGGER application_changed AFTER UPDATE ON application
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN ((OLD.status, OLD.slug, OLD.is_deleted, OLD.allowed_scopes)
    IS DISTINCT FROM (NEW.status, NEW.slug, NEW.is_deleted, NEW.allowed_scopes))
EXECUTE FUNCTION note_key_change();
