-- Keeps what was announced about budgets right when a key has another budget. Not deferred: the
-- budget is locked before the number of the change (note_key_change).
-- Locks: those of note_budget_change.
CREATE OR REPLACE TRIGGER api_key_budgeted AFTER UPDATE OF max_budget_usd ON api_key
FOR EACH ROW EXECUTE FUNCTION note_budget_change();
