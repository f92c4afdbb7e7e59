-- Counts one more record of a kind if the tenant's quota has room. The verdict is 'taken', 'full'
-- (then `used` is exact), or 'uncounted' if the kind was never counted. `p_default` is the limit of
-- a tenant for which none was set.
-- Locks rows of quota_count until the transaction ends: one that has room and that nobody else
-- holds, without waiting; if there is none, all of them but part 16 (see give_back_records), in the
-- order of `part`. A transaction that
-- holds all of them knows the count and divides the room among the parts again. A search that
-- finds no room leaves nothing locked, so transactions that each create one record never deadlock.
-- Two that each create several near the limit may: PostgreSQL ends one.
CREATE OR REPLACE FUNCTION take_record(p_tenant text, p_kind text, p_default bigint)
RETURNS TABLE (verdict text, used bigint, allowed bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    parts bigint;
    free bigint;
BEGIN
    allowed := coalesce(
        (SELECT q.value FROM tenant_quota AS q WHERE q.tenant_id = p_tenant AND q.name = p_kind),
        p_default);
    verdict := 'taken';
    -- The look may lock a part that has just lost its room, and pass it over. The rollback of this
    -- block frees it: a transaction that locks all parts in order must not hold one already.
    BEGIN
        UPDATE quota_count AS c SET live = c.live + 1, room = c.room - 1
        WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part = (
            SELECT f.part FROM quota_count AS f
            WHERE f.tenant_id = p_tenant AND f.kind = p_kind AND f.room > 0
                AND f.of_limit = take_record.allowed
            LIMIT 1 FOR UPDATE SKIP LOCKED);
        IF NOT FOUND THEN
            RAISE no_data_found;
        END IF;
        RETURN NEXT;
        RETURN;
    EXCEPTION WHEN no_data_found THEN
        NULL;
    END;

    PERFORM FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part < 16 ORDER BY c.part FOR UPDATE;
    SELECT sum(c.live), count(*) FILTER (WHERE c.part < 16) INTO used, parts FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind;
    IF parts = 0 THEN
        verdict := 'uncounted';
    ELSIF used >= allowed THEN
        verdict := 'full';
    ELSE
        free := allowed - used - 1;
        UPDATE quota_count AS c SET of_limit = take_record.allowed,
            live = c.live + CASE WHEN c.part = 0 THEN 1 ELSE 0 END,
            room = free / parts + CASE WHEN c.part = 0 THEN free % parts ELSE 0 END
        WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part < 16;
        used := used + 1;
    END IF;
    RETURN NEXT;
END $$;
