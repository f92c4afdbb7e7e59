-- The tenant of an inbound webhook that is on, or NULL. A request to /in/{id} names a webhook
-- before the tenant is known; whoever knows the id (80 random bits) learns nothing else. Everything
-- after it is read as that tenant, behind the wall. Runs as the owner, by its policy `engine`.
-- Locks: none.
CREATE OR REPLACE FUNCTION tenant_of_inbound_webhook(wanted text) RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp
RETURN (SELECT tenant_id FROM webhook WHERE id = wanted AND direction = 'inbound' AND is_active);
