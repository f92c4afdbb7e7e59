-- Returns the tenant of an inbound webhook that is on and whose application is neither suspended
-- nor retired, or NULL. A request to /in/{id} names a webhook before the tenant is known; whoever
-- knows the id (80 random bits) learns nothing else. Everything after it is read as that tenant,
-- behind the wall. Runs as the owner, by its policy `engine`.
-- Locks: none.
CREATE OR REPLACE FUNCTION tenant_of_inbound_webhook(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (
    SELECT w.tenant_id FROM webhook w
    LEFT JOIN application a ON a.tenant_id = w.tenant_id AND a.id = w.application_id
    WHERE w.id = wanted AND w.direction = 'inbound' AND w.is_active
    AND coalesce(a.status, '') NOT IN ('suspended', 'retired')
);
