-- Tells the processes that may hold slices of a budget that it is used up, once a period.
-- Locks: none.
CREATE OR REPLACE TRIGGER key_budget_used_up AFTER UPDATE ON key_budget FOR EACH ROW
WHEN (NEW.announced_percent = 100 AND OLD.announced_percent < 100) EXECUTE FUNCTION note_used_up();
