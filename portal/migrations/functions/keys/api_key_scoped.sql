-- Calls note_key_scopes for all new keys of a statement.
-- Locks: none.
CREATE OR REPLACE TRIGGER api_key_scoped AFTER INSERT ON api_key
REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION note_key_scopes();
