-- Notes which events an answer that is kept for Idempotency-Key is about, and its subject: by these
-- an erasure finds it with an index. For the table idempotency_key.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_answer() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    NEW.subject := NEW.answer ->> 'subject';
    NEW.event_ids := (
        SELECT array_agg(named.id) FROM (
            SELECT published #>> '{}' FROM jsonb_path_query(NEW.answer, '$.events[*].id') AS published
            UNION ALL
            SELECT NEW.answer ->> 'event_id'
        ) AS named (id) WHERE named.id IS NOT NULL
    );
    RETURN NEW;
END $$;
