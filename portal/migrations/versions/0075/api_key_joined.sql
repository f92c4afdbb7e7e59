-- Keeps what was announced about budgets right when a key with a budget joins a family. Most new
-- keys join none.
-- Locks: those of note_budget_change.
CREATE OR REPLACE TRIGGER api_key_joined AFTER INSERT ON api_key FOR EACH ROW
WHEN (NEW.rotation_family_id IS NOT NULL AND NEW.max_budget_usd IS NOT NULL)
EXECUTE FUNCTION note_budget_change();
