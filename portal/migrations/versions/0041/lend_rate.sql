-- Lends a process a share of a tenant's requests or events a second: `p_need` for the current call
-- and up to `p_extra` for the next ones. `p_back` returns what is left of its last loan. If nothing
-- is lent, `wait_ms` is the time until the call fits.
-- A bucket holds what one second allows and refills over time, so all processes together stay
-- within the limit on average. A call that needs more than one second allows waits for a full
-- bucket, and the next call waits until the excess has refilled.
-- Locks the row of quota_rate until the transaction ends. The table is unlogged: a crash of the
-- server fills every bucket.
CREATE OR REPLACE FUNCTION lend_rate(
    p_tenant text, p_name text, p_default bigint, p_need bigint, p_extra bigint, p_back bigint
) RETURNS TABLE (lent bigint, wait_ms bigint, allowed bigint) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    rate quota_rate;
    at timestamptz;
    now_minute bigint;
    enough double precision;
BEGIN
    allowed := coalesce(
        (SELECT q.value FROM tenant_quota AS q WHERE q.tenant_id = p_tenant AND q.name = p_name),
        p_default);
    SELECT * INTO rate FROM quota_rate AS r
    WHERE r.tenant_id = p_tenant AND r.name = p_name FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO quota_rate (tenant_id, name, free, counted_at, minute, lent, lent_before)
        VALUES (p_tenant, p_name, allowed, clock_timestamp(), 0, 0, 0) ON CONFLICT DO NOTHING;
        SELECT * INTO rate FROM quota_rate AS r
        WHERE r.tenant_id = p_tenant AND r.name = p_name FOR UPDATE;
    END IF;
    at := clock_timestamp();
    now_minute := floor(extract(epoch FROM at) / 60);
    IF rate.minute <> now_minute THEN
        rate.lent_before := CASE WHEN rate.minute = now_minute - 1 THEN rate.lent ELSE 0 END;
        rate.lent := 0;
        rate.minute := now_minute;
    END IF;
    rate.lent := greatest(0, rate.lent - p_back);
    rate.free := least(allowed,
        rate.free + p_back + allowed * greatest(0, extract(epoch FROM at - rate.counted_at)));

    enough := least(p_need, allowed);
    IF rate.free < enough THEN
        lent := 0;
        wait_ms := ceil(1000 * (enough - rate.free) / allowed);
        rate.refused_at := at;
    ELSE
        wait_ms := 0;
        lent := p_need + least(p_extra, greatest(0, floor((rate.free - p_need) / 2)));
        rate.free := rate.free - lent;
        rate.lent := rate.lent + lent;
    END IF;
    UPDATE quota_rate AS r SET free = rate.free, counted_at = at, minute = rate.minute,
        lent = rate.lent, lent_before = rate.lent_before, refused_at = rate.refused_at
    WHERE r.tenant_id = p_tenant AND r.name = p_name;
    RETURN NEXT;
END $$;
