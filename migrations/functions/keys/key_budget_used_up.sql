-- A budget that comes to its end is told to all who may hold slices of it, once a period.
-- Locks: none.
CREATE OR REPLACE TRIGGER key_budget_used_up AFTER UPDATE ON key_budget FOR EACH ROW
WHEN (NEW.announced_percent = 100 AND OLD.announced_percent < 100) EXECUTE FUNCTION note_used_up();
