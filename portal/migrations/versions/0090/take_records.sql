-- Counts `p_many` more records of a kind if the tenant's quota has room for all of them; the verdicts
-- are those of take_record.
-- Locks all rows of quota_count of the kind but part 16 (see give_back_records), in the order of
-- `part`, until the transaction ends: one part seldom has room for many.
CREATE OR REPLACE FUNCTION take_records(
    p_tenant text, p_kind text, p_default bigint, p_many bigint)
RETURNS TABLE (verdict text, used bigint, allowed bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    parts bigint;
    free bigint;
BEGIN
    allowed := coalesce(
        (SELECT q.value FROM tenant_quota AS q WHERE q.tenant_id = p_tenant AND q.name = p_kind),
        p_default);
    PERFORM FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part < 16 ORDER BY c.part FOR UPDATE;
    SELECT sum(c.live), count(*) FILTER (WHERE c.part < 16) INTO used, parts FROM quota_count AS c
    WHERE c.tenant_id = p_tenant AND c.kind = p_kind;
    verdict := 'taken';
    IF parts = 0 THEN
        verdict := 'uncounted';
    ELSIF used + p_many > allowed THEN
        verdict := 'full';
    ELSE
        free := allowed - used - p_many;
        UPDATE quota_count AS c SET of_limit = take_records.allowed,
            live = c.live + CASE WHEN c.part = 0 THEN p_many ELSE 0 END,
            room = free / parts + CASE WHEN c.part = 0 THEN free % parts ELSE 0 END
        WHERE c.tenant_id = p_tenant AND c.kind = p_kind AND c.part < 16;
        used := used + p_many;
    END IF;
    RETURN NEXT;
END $$;
