-- Subtracts `p_many` records of a kind from the count; false if the kind was never counted.
-- Locks one row of quota_count until the transaction ends: one that nobody else holds, or if there
-- is none, that of part 16, which no transaction that makes records locks. So whoever stops or
-- deletes a record never waits for those who make others. Part 16 has no room: what it subtracts
-- becomes room when the room is divided the next time.
CREATE OR REPLACE FUNCTION give_back_records(p_tenant text, p_kind text, p_many bigint)
RETURNS boolean LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    chosen smallint;
BEGIN
    SELECT c.part INTO chosen FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part < 16
    LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF FOUND THEN
        UPDATE quota_count AS c SET live = c.live - p_many, room = c.room + p_many
        WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part = chosen;
    ELSE
        INSERT INTO quota_count AS c (tenant_id, kind, part, live, room, of_limit)
        SELECT p_tenant, p_kind, 16, -p_many, 0, 0
        WHERE EXISTS (SELECT FROM quota_count AS o
            WHERE o.tenant_id = p_tenant AND o.kind = p_kind)
        ON CONFLICT (tenant_id, kind, part) DO UPDATE SET live = c.live + excluded.live;
    END IF;
    RETURN FOUND;
END $$;
