-- Writes the scopes of new keys beside them, a row for each. A key's scopes never change.
-- Locks: none.
CREATE OR REPLACE FUNCTION note_key_scopes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO api_key_scope (tenant_id, scope, key_id)
    SELECT made.tenant_id, said.scope, made.id
    FROM made CROSS JOIN jsonb_array_elements_text(made.scopes) said (scope)
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
