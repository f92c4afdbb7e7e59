-- Wakes the workers' engine of this name: a row of its queue is due at once.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_due_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('work_due', TG_ARGV[0]);
    RETURN NULL;
END $$;
