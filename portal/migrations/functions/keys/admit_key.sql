-- Decides about one call of a key, for processes of the previous release, which send one call at a
-- time and expect to wait for a lock. admit_calls replaces it; the next release drops it.
-- Locks, in this order, and waits for each: the family's row of key_budget, the key's row of
-- api_key_runtime, its row of key_rate.
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
BEGIN
    PERFORM set_config('app.tenant_id', p_tenant, true);
    PERFORM FROM key_budget AS b
    WHERE b.tenant_id = p_tenant AND b.family_id = p_family FOR UPDATE;
    PERFORM FROM api_key_runtime AS r
    WHERE r.tenant_id = p_tenant AND r.key_id = p_key AND p_max_uses IS NOT NULL FOR UPDATE;
    PERFORM FROM key_rate AS r WHERE r.tenant_id = p_tenant AND r.key_id = p_key FOR UPDATE;
    SELECT a.refused, coalesce(a.slot, 0), a.until_ms, a.requests_used, a.requests_lent,
        a.tokens_used, a.tokens_lent, a.uses, a.spent_usd, a.reserved_usd, a.period_end
    INTO refused, bucket, left_ms, requests_used, requests_lent, tokens_used, tokens_lent, uses,
        spent_usd, reserved_usd, period_end
    FROM admit_calls(jsonb_build_array(jsonb_build_object(
        'n', 0, 'tenant', p_tenant, 'key', p_key, 'family', p_family, 'rpm', p_rpm,
        'requests', p_requests, 'requests_want', p_requests_want, 'tpm', p_tpm,
        'tokens', p_tokens, 'tokens_want', p_tokens_want, 'max_uses', p_max_uses,
        'max_usd', p_max_usd, 'period', p_period, 'zone', p_zone, 'usd', p_usd,
        'reservation', p_reservation, 'is_own', p_reservation IS NOT NULL,
        'held_tokens', p_reserved_tokens, 'dry', p_dry
    )), p_hold, 0) AS a;
    IF refused = 'TAKEN' THEN
        RAISE unique_violation USING MESSAGE = 'this reservation belongs to another key';
    END IF;
    RETURN NEXT;
END $$;
