-- Subtracts `p_many` records of a kind from the count; false if the kind was never counted.
-- Locks one row of quota_count until the transaction ends, one that nobody else holds if there is
-- one.
CREATE OR REPLACE FUNCTION give_back_records(p_tenant text, p_kind text, p_many bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen smallint;
BEGIN
    SELECT c.part INTO chosen FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind LIMIT 1 FOR UPDATE SKIP LOCKED;
    UPDATE quota_count AS c SET live = c.live - p_many, room = c.room + p_many
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part = coalesce(chosen, 0);
    RETURN FOUND;
END $$;
