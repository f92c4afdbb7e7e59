-- Returns the digest (hex SHA-256) of the secret that the current transaction has presented
-- (`app.credential`), or NULL. Lets a row be found before its tenant is known.
-- Locks: none.
CREATE OR REPLACE FUNCTION current_credential() RETURNS text LANGUAGE sql STABLE PARALLEL SAFE RETURN nullif(pg_catalog.current_setting('app.credential', true), '');
