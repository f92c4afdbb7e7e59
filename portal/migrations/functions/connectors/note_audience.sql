-- Notes who may know of a connector that is not for the whole tenant, beside the connector, so that
-- its history stays theirs after it is purged. A connector for the whole tenant has no such row.
-- Locks: the one row of restricted_record, after that of the connector.
CREATE OR REPLACE FUNCTION note_audience() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.scope = 'org' THEN
        DELETE FROM restricted_record WHERE tenant_id = NEW.tenant_id AND record_id = NEW.id;
    ELSE
        INSERT INTO restricted_record (tenant_id, record_id, scope, user_id, group_id)
        VALUES (NEW.tenant_id, NEW.id, NEW.scope, NEW.user_id, NEW.group_id)
        ON CONFLICT (tenant_id, record_id) DO UPDATE
        SET scope = excluded.scope, user_id = excluded.user_id, group_id = excluded.group_id;
    END IF;
    RETURN NULL;
END $$;
