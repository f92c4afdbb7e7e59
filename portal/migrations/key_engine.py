"""The SQL functions of the key engine: one call per decision, one notification per change.

History: migrations up to 0033 install these texts, which must not change any more. The current text
of each function is in `functions/`.

The functions run with the rights of their caller, so row-level security applies in them; each
enters the given tenant for its own transaction. Two run as the owner, to whom row-level security
applies as well: `load_key`, because only the owner's policy can find a key by its hash (0011), and
`note_key_change`, because only the owner may write the number of a change. `note_key_change`
returns no data.
"""

LOAD_KEY = """
CREATE FUNCTION load_key(digest text) RETURNS TABLE (
    tenant_id text, id text, name text, kind text, scopes jsonb, allowed_models jsonb,
    allowed_ips jsonb, rpm_limit integer, tpm_limit integer, max_uses integer,
    max_budget_usd numeric, budget_period text, family_id text, blocked boolean,
    blocked_reason text, revoked_at timestamptz, expires_at timestamptz,
    brownout_from timestamptz, is_deleted boolean, application_id text, application_slug text,
    application_status text, parent_key_id text, time_zone text
) LANGUAGE plpgsql VOLATILE SECURITY DEFINER ROWS 1 SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    found api_key%ROWTYPE;
    parent api_key%ROWTYPE;
BEGIN
    PERFORM set_config('app.credential', digest, true);
    SELECT * INTO found FROM api_key WHERE key_hash = digest;
    PERFORM set_config('app.credential', '', true);
    IF found.id IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('app.tenant_id', found.tenant_id, true);
    IF found.parent_key_id IS NOT NULL THEN
        SELECT * INTO parent FROM api_key
        WHERE tenant_id = found.tenant_id AND id = found.parent_key_id;
    END IF;
    -- A child stands and falls with its parent; it names no time of its own that is later.
    RETURN QUERY
        SELECT found.tenant_id::text, found.id::text, found.name::text, found.kind::text,
            found.scopes, found.allowed_models, found.allowed_ips, found.rpm_limit,
            found.tpm_limit, found.max_uses, found.max_budget_usd, found.budget_period::text,
            coalesce(found.rotation_family_id, found.id)::text,
            found.blocked OR coalesce(parent.blocked, false),
            coalesce(found.blocked_reason, parent.blocked_reason)::text,
            least(found.revoked_at, found.revoke_at, parent.revoked_at, parent.revoke_at),
            least(found.expires_at, parent.expires_at),
            coalesce(found.brownout_from, parent.brownout_from),
            found.is_deleted OR coalesce(parent.is_deleted, false), found.application_id::text,
            application.slug::text, application.status::text, found.parent_key_id::text,
            tenant.time_zone::text
        FROM tenant
        LEFT JOIN application
            ON application.tenant_id = found.tenant_id AND application.id = found.application_id
        WHERE tenant.id = found.tenant_id;
END $$
"""

# PostgreSQL does the calendar arithmetic, because it knows every zone's daylight saving time.
PERIOD_START = """
CREATE FUNCTION budget_period_start(period text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period = 'none' THEN 'epoch'::timestamptz
        ELSE date_trunc(period, at AT TIME ZONE zone) AT TIME ZONE zone END
$$
"""
PERIOD_END = """
CREATE FUNCTION budget_period_end(period text, zone text, at timestamptz)
RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN period <> 'none' THEN
        (date_trunc(period, at AT TIME ZONE zone) + ('1 ' || period)::interval) AT TIME ZONE zone
    END
$$
"""

# Return the budget's locked row as of a moment. The first caller that needs it creates the row or
# moves it to the current period. No job resets a budget, so no job can be late with it.
TOUCH_BUDGET = """
CREATE FUNCTION touch_budget(
    p_tenant text, p_family text, p_period text, p_zone text, p_at timestamptz
) RETURNS key_budget LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began timestamptz := budget_period_start(p_period, p_zone, p_at);
    budget key_budget;
BEGIN
    SELECT * INTO budget FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    IF NOT FOUND THEN
        INSERT INTO key_budget (tenant_id, family_id, period_start, period_end)
        VALUES (p_tenant, p_family, began, budget_period_end(p_period, p_zone, p_at))
        ON CONFLICT DO NOTHING;
        SELECT * INTO budget FROM key_budget
        WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    END IF;
    IF budget.period_start < began THEN
        UPDATE key_budget SET period_start = began, spent_usd = 0, reserved_usd = 0,
            period_end = budget_period_end(p_period, p_zone, p_at), announced_percent = 0
        WHERE tenant_id = p_tenant AND family_id = p_family RETURNING * INTO budget;
    END IF;
    RETURN budget;
END $$
"""

# Release reservations that were never settled, and record each in the ledger.
RELEASE_EXPIRED = """
CREATE FUNCTION release_expired(p_tenant text, p_family text, p_at timestamptz)
RETURNS numeric LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    began timestamptz;
    freed numeric;
BEGIN
    SELECT period_start INTO began FROM key_budget
    WHERE tenant_id = p_tenant AND family_id = p_family FOR UPDATE;
    WITH due AS (
        UPDATE spend_reservation SET released_at = p_at
        WHERE tenant_id = p_tenant AND family_id = p_family
            AND expires_at <= p_at AND released_at IS NULL
        RETURNING *
    ), noted AS (
        INSERT INTO spend_ledger (tenant_id, id, kind, key_id, family_id, period_start, cost_usd,
            reserved_usd, noted_at)
        SELECT tenant_id, id || '/expired', 'expired', key_id, family_id, period_start, 0, usd, p_at
        FROM due
    )
    SELECT coalesce(sum(usd) FILTER (WHERE period_start = began), 0) INTO freed FROM due;
    UPDATE key_budget SET reserved_usd = reserved_usd - freed
    WHERE freed > 0 AND tenant_id = p_tenant AND family_id = p_family;
    RETURN freed;
END $$
"""

# Check all limits of one call, all or nothing: everything is checked before anything is counted.
# Windows are lent in slices (`want`) and counted when they are lent, so that all processes together
# never admit more than the limit. Locks are always taken in this order: window, runtime, budget.
ADMIT_KEY = """
CREATE FUNCTION admit_key(
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
    refused := CASE
        WHEN uses >= p_max_uses THEN 'USES_EXCEEDED'
        WHEN p_requests > 0 AND requests_used + p_requests > p_rpm THEN 'RPM_EXCEEDED'
        WHEN p_tokens > 0 AND tokens_used + p_tokens > p_tpm THEN 'TPM_EXCEEDED'
        WHEN p_usd IS NULL AND spent_usd + reserved_usd >= p_max_usd THEN 'BUDGET_EXCEEDED'
        WHEN NOT known AND spent_usd + reserved_usd + p_usd > p_max_usd THEN 'BUDGET_EXCEEDED'
    END;
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
END $$
"""

# Write one line of the ledger and update every counter that it changes. Return the percentage of
# the budget that it crossed (50, 80, 100), each once a period; null for none.
SPEND = """
CREATE FUNCTION spend_on_key(
    p_tenant text, p_id text, p_kind text, p_key text, p_usd numeric, p_held numeric,
    p_held_period timestamptz, p_tokens bigint, p_model text
) RETURNS TABLE (
    repeated boolean, crossed integer, spent_usd numeric, reserved_usd numeric,
    max_usd numeric, period_end timestamptz, cost_usd numeric
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    at timestamptz := clock_timestamp();
    key api_key;
    zone text;
    family text;
    budget key_budget;
    began timestamptz;
    full_percent numeric;
BEGIN
    PERFORM set_config('synchronous_commit', 'on', true);
    SELECT * INTO key FROM api_key WHERE tenant_id = p_tenant AND id = p_key;
    SELECT time_zone INTO zone FROM tenant WHERE id = p_tenant;
    family := coalesce(key.rotation_family_id, key.id);
    budget := touch_budget(p_tenant, family, key.budget_period, zone, at);
    began := coalesce(p_held_period, budget.period_start);
    cost_usd := p_usd;
    INSERT INTO spend_ledger (tenant_id, id, kind, key_id, family_id, period_start, cost_usd,
        reserved_usd, tokens, model, noted_at)
    VALUES (p_tenant, p_id, p_kind, p_key, family, began, p_usd, p_held, p_tokens, p_model, at)
    ON CONFLICT DO NOTHING;
    repeated := NOT FOUND;
    max_usd := key.max_budget_usd;
    IF repeated THEN
        SELECT l.cost_usd INTO cost_usd FROM spend_ledger AS l
        WHERE l.tenant_id = p_tenant AND l.id = p_id;
        UPDATE key_budget AS b SET reserved_usd = b.reserved_usd - p_held
        WHERE p_held > 0 AND b.tenant_id = p_tenant AND b.family_id = family
            AND b.period_start = began RETURNING * INTO budget;
        IF budget IS NULL THEN
            budget := touch_budget(p_tenant, family, key.budget_period, zone, at);
        END IF;
    -- What was held in a period that is over was never part of this one's counters.
    ELSIF began = budget.period_start THEN
        UPDATE key_budget AS b SET spent_usd = b.spent_usd + p_usd,
            reserved_usd = b.reserved_usd - coalesce(p_held, 0)
        WHERE b.tenant_id = p_tenant AND b.family_id = family RETURNING * INTO budget;
        UPDATE api_key_runtime AS r SET spend_period_end = budget.period_end, spend_usd = p_usd +
            CASE WHEN r.spend_period_end <= at THEN 0 ELSE r.spend_usd END
        WHERE r.tenant_id = p_tenant AND r.key_id = p_key;
    END IF;
    full_percent := 100 * budget.spent_usd / nullif(key.max_budget_usd, 0);
    crossed := CASE WHEN full_percent >= 100 THEN 100 WHEN full_percent >= 80 THEN 80
        WHEN full_percent >= 50 THEN 50 ELSE 0 END;
    IF crossed > budget.announced_percent THEN
        UPDATE key_budget AS b SET announced_percent = crossed
        WHERE b.tenant_id = p_tenant AND b.family_id = family;
    ELSE
        crossed := NULL;
    END IF;
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    RETURN NEXT;
END $$
"""

# Settle a reservation with the real cost. Tokens are corrected only in their own window.
SETTLE = """
CREATE FUNCTION settle_reservation(
    p_tenant text, p_id text, p_usd numeric, p_tokens bigint, p_model text, p_kind text
) RETURNS TABLE (
    key_id text, repeated boolean, crossed integer, spent_usd numeric, reserved_usd numeric,
    max_usd numeric, period_end timestamptz, cost_usd numeric
) LANGUAGE plpgsql VOLATILE ROWS 1 AS $$
#variable_conflict use_column
DECLARE
    held spend_reservation;
    lent numeric;
BEGIN
    -- The budget first, as in admit_key: two that lock in one order never wait for each other.
    PERFORM 1 FROM key_budget AS b JOIN spend_reservation AS s
        ON b.tenant_id = s.tenant_id AND b.family_id = s.family_id
    WHERE s.tenant_id = p_tenant AND s.id = p_id FOR UPDATE OF b;
    DELETE FROM spend_reservation AS s WHERE s.tenant_id = p_tenant AND s.id = p_id
    RETURNING * INTO held;
    IF held.id IS NULL THEN
        -- Settled before: the ledger gives the same answer. Else there never was one.
        SELECT l.key_id INTO key_id FROM spend_ledger AS l
        WHERE l.tenant_id = p_tenant AND l.id = p_id;
        IF key_id IS NULL THEN
            RETURN;
        END IF;
    ELSE
        key_id := held.key_id;
        lent := CASE WHEN held.released_at IS NULL THEN held.usd ELSE 0 END;
    END IF;
    RETURN QUERY SELECT admitted.key_id, spent.* FROM (SELECT key_id) AS admitted,
        spend_on_key(p_tenant, p_id, p_kind, admitted.key_id, p_usd, lent, held.period_start,
            p_tokens, p_model) AS spent;
    IF held.id IS NOT NULL AND p_tokens IS NOT NULL THEN
        UPDATE key_window AS w SET tokens = greatest(0, w.tokens + p_tokens - held.tokens)
        WHERE w.tenant_id = p_tenant AND w.key_id = held.key_id AND w.bucket = held.bucket;
    END IF;
END $$
"""

# Notify all verifying processes of every change of a key, or of anything that decides about keys,
# in the commit of the change. The number is assigned at the very end of the transaction and its
# lock is held until the commit. So numbers become visible in order: a process that has seen one
# number has seen all lower ones.
NOTE_KEY_CHANGE = """
CREATE FUNCTION note_key_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed record := coalesce(NEW, OLD);
    entered text := coalesce(current_setting('app.tenant_id', true), '');
    own text := pg_current_xact_id()::text;
    noted bigint;
BEGIN
    IF current_setting('app.key_change', true) LIKE own || ':%' THEN
        noted := split_part(current_setting('app.key_change', true), ':', 2);
    ELSE
        UPDATE key_change_seq SET seq = seq + 1 RETURNING seq INTO noted;
        PERFORM set_config('app.key_change', own || ':' || noted, true);
    END IF;
    PERFORM set_config('app.tenant_id', changed.tenant_id, true);
    INSERT INTO key_change (tenant_id, record_id, seq, changed_at)
    VALUES (changed.tenant_id, changed.id, noted, clock_timestamp())
    ON CONFLICT (tenant_id, record_id)
    DO UPDATE SET seq = excluded.seq, changed_at = excluded.changed_at;
    PERFORM set_config('app.tenant_id', entered, true);
    PERFORM pg_notify('key_changed', noted || ' ' || changed.id);
    RETURN NULL;
END $$
"""
NOTE_NEW_KEY = """
CREATE FUNCTION note_new_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('key_changed', '0 ' || NEW.key_hash);
    RETURN NULL;
END $$
"""

FUNCTIONS = {
    "load_key(text)": LOAD_KEY,
    "budget_period_start(text, text, timestamptz)": PERIOD_START,
    "budget_period_end(text, text, timestamptz)": PERIOD_END,
    "touch_budget(text, text, text, text, timestamptz)": TOUCH_BUDGET,
    "release_expired(text, text, timestamptz)": RELEASE_EXPIRED,
    "admit_key": ADMIT_KEY,
    "spend_on_key": SPEND,
    "settle_reservation": SETTLE,
    "note_key_change()": NOTE_KEY_CHANGE,
    "note_new_key()": NOTE_NEW_KEY,
}
"""Name (with its arguments where needed) → definition, in the order of creation."""

TRIGGERS = [
    (
        "api_key_changed ON api_key",
        "CREATE CONSTRAINT TRIGGER api_key_changed AFTER UPDATE OR DELETE ON api_key"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_key_change()",
    ),
    (
        "api_key_made ON api_key",
        "CREATE TRIGGER api_key_made AFTER INSERT ON api_key"
        " FOR EACH ROW EXECUTE FUNCTION note_new_key()",
    ),
    (
        "application_changed ON application",
        "CREATE CONSTRAINT TRIGGER application_changed AFTER UPDATE ON application"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
        " WHEN ((OLD.status, OLD.slug, OLD.is_deleted)"
        " IS DISTINCT FROM (NEW.status, NEW.slug, NEW.is_deleted))"
        " EXECUTE FUNCTION note_key_change()",
    ),
]
