-- Keeps what an answer is about beside it. See note_answer.
-- Locks: none.
CREATE OR REPLACE TRIGGER idempotency_key_about BEFORE INSERT OR UPDATE OF answer ON idempotency_key
FOR EACH ROW WHEN (NEW.answer IS NOT NULL) EXECUTE FUNCTION note_answer();
