-- Decides about one call of a key by everything that counts: uses, requests and tokens of a minute,
-- budget. All or nothing: everything is looked at before anything is taken; `refused` says why not.
-- Requests and tokens are lent in slices (`want`) and counted when they are lent, so that all
-- processes together never admit more than the limit. A call that repeats its reservation takes
-- nothing again (`bucket` 0). `left_ms`: milliseconds until the minute is over, or, for a refusal,
-- until the sliding window lets the call through. `p_dry` takes nothing.
-- Locks, in this order: the key's row of key_window, its row of api_key_runtime, the family's row
-- of key_budget.
CREATE OR REPLACE FUNCTION admit_key(
    p_tenant text, p_key text,
    p_rpm integer, p_requests integer, p_requests_want integer,
    p_tpm integer, p_tokens bigint, p_tokens_want bigint,
    p_max_uses integer,
    p_family text, p_max_usd numeric, p_period text, p_zone text,
    p_usd numeric, p_reservation text, p_hold integer, p_reserved_tokens bigint, p_dry boolean
) RETURNS TABLE (
    refused text, bucket bigint, left_ms integer, requests_used bigint, requests_lent bigint,
    tokens_used bigint, tokens_lent bigint, uses bigint, spent_usd numeric, reserved_usd numeric,
    period_end timestamptz
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    at timestamptz;
    seconds numeric;
    fresh numeric;
    held key_window;
    budget key_budget;
    known boolean := false;
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant, true);
    IF p_rpm IS NOT NULL OR p_tpm IS NOT NULL THEN
        SELECT * INTO held FROM key_window AS w
        WHERE w.tenant_id = p_tenant AND w.key_id = p_key FOR UPDATE;
        IF NOT FOUND THEN
            INSERT INTO key_window (tenant_id, key_id) VALUES (p_tenant, p_key)
            ON CONFLICT DO NOTHING;
            SELECT * INTO held FROM key_window AS w
            WHERE w.tenant_id = p_tenant AND w.key_id = p_key FOR UPDATE;
        END IF;
    END IF;
    IF p_max_uses IS NOT NULL THEN
        PERFORM set_config('synchronous_commit', 'on', true);
        SELECT r.uses INTO uses FROM api_key_runtime AS r
        WHERE r.tenant_id = p_tenant AND r.key_id = p_key FOR UPDATE;
    END IF;
    at := clock_timestamp();
    IF p_max_usd IS NOT NULL OR p_usd IS NOT NULL THEN
        budget := touch_budget(p_tenant, p_family, p_period, p_zone, at);
    END IF;
    at := clock_timestamp();  -- after the locks: a window may have ended while we waited
    seconds := extract(epoch FROM at);
    bucket := floor(seconds / 60);
    left_ms := floor((60 - (seconds - bucket * 60)) * 1000);
    fresh := 1 - (seconds - bucket * 60) / 60;
    IF held.bucket IS DISTINCT FROM bucket THEN
        held.requests_before := CASE WHEN held.bucket = bucket - 1 THEN held.requests ELSE 0 END;
        held.tokens_before := CASE WHEN held.bucket = bucket - 1 THEN held.tokens ELSE 0 END;
        held.requests := 0;
        held.tokens := 0;
    END IF;
    requests_used := held.requests + floor(held.requests_before * fresh);
    tokens_used := held.tokens + floor(held.tokens_before * fresh);
    requests_lent := 0;
    tokens_lent := 0;
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    IF p_max_usd IS NOT NULL AND budget.reserved_usd > 0
        AND budget.spent_usd + budget.reserved_usd + coalesce(p_usd, 0) > p_max_usd THEN
        reserved_usd := reserved_usd - release_expired(p_tenant, p_family, at);
    END IF;
    IF p_reservation IS NOT NULL THEN
        known := EXISTS (SELECT 1 FROM spend_reservation AS s
            WHERE s.tenant_id = p_tenant AND s.id = p_reservation AND s.key_id = p_key)
            OR EXISTS (SELECT 1 FROM spend_ledger AS l
            WHERE l.tenant_id = p_tenant AND l.id = p_reservation AND l.key_id = p_key);
    END IF;
    IF known AND NOT p_dry THEN
        bucket := 0;
        RETURN NEXT;
        RETURN;
    END IF;
    refused := CASE
        WHEN uses >= p_max_uses THEN 'USES_EXCEEDED'
        WHEN p_requests > 0 AND requests_used + p_requests > p_rpm THEN 'RPM_EXCEEDED'
        WHEN p_tokens > 0 AND tokens_used + p_tokens > p_tpm THEN 'TPM_EXCEEDED'
        WHEN p_usd IS NULL AND spent_usd + reserved_usd >= p_max_usd THEN 'BUDGET_EXCEEDED'
        WHEN NOT known AND spent_usd + reserved_usd + p_usd > p_max_usd THEN 'BUDGET_EXCEEDED'
    END;
    IF refused = 'RPM_EXCEEDED' AND held.requests + p_requests <= p_rpm THEN
        left_ms := least(left_ms, 1 + ceil(60000 * (fresh
            - (p_rpm - p_requests - held.requests + 1) / held.requests_before::numeric)));
    ELSIF refused = 'TPM_EXCEEDED' AND held.tokens + p_tokens <= p_tpm THEN
        left_ms := least(left_ms, 1 + ceil(60000 * (fresh
            - (p_tpm - p_tokens - held.tokens + 1) / held.tokens_before::numeric)));
    END IF;
    IF refused IS NOT NULL OR p_dry THEN
        RETURN NEXT;
        RETURN;
    END IF;
    IF p_requests > 0 AND p_rpm IS NOT NULL THEN
        requests_lent := greatest(
            p_requests, least(p_requests_want, floor((p_rpm - requests_used) / 4.0)));
        requests_used := requests_used + requests_lent;
    END IF;
    IF p_tokens > 0 AND p_tpm IS NOT NULL THEN
        tokens_lent := greatest(
            p_tokens, least(p_tokens_want, floor((p_tpm - tokens_used) / 4.0)));
        tokens_used := tokens_used + tokens_lent;
    END IF;
    IF requests_lent > 0 OR tokens_lent > 0 THEN
        UPDATE key_window AS w SET bucket = admit_key.bucket,
            requests = held.requests + requests_lent, requests_before = held.requests_before,
            tokens = held.tokens + tokens_lent, tokens_before = held.tokens_before
        WHERE w.tenant_id = p_tenant AND w.key_id = p_key;
    END IF;
    IF p_max_uses IS NOT NULL THEN
        uses := uses + 1;
        UPDATE api_key_runtime AS r SET uses = admit_key.uses
        WHERE r.tenant_id = p_tenant AND r.key_id = p_key;
    END IF;
    IF p_usd IS NOT NULL AND p_reservation IS NOT NULL AND NOT known THEN
        reserved_usd := reserved_usd + p_usd;
        UPDATE key_budget AS b SET reserved_usd = admit_key.reserved_usd
        WHERE b.tenant_id = p_tenant AND b.family_id = p_family;
        INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd, tokens,
            bucket, expires_at)
        VALUES (p_tenant, p_reservation, p_key, p_family, budget.period_start, p_usd,
            p_reserved_tokens, bucket, at + make_interval(secs => p_hold));
    END IF;
    RETURN NEXT;
END $$;
