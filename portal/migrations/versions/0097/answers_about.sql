-- Returns the keys of the current tenant's answers that are about one of these events, or about a
-- subject. It runs as the owner, because only then PostgreSQL uses the index of the events: their
-- comparison is not leakproof. It returns nothing of an answer.
-- Locks: none.
CREATE OR REPLACE FUNCTION answers_about(events text[], subject_or_null text)
RETURNS TABLE (actor_id text, key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
    SELECT k.actor_id, k.key FROM idempotency_key k
    WHERE k.event_ids && events AND k.tenant_id = (SELECT current_tenant())
    UNION
    SELECT k.actor_id, k.key FROM idempotency_key k
    WHERE k.subject = subject_or_null AND k.tenant_id = (SELECT current_tenant())
$$;
