-- Decides about calls of keys by everything that is counted: uses, requests and tokens in 60
-- seconds, and the budget. Returns a row for each call, in their order, by `n`. A call gets all
-- that it needs or nothing: everything is checked before anything is taken. `refused` is the code
-- of the refusal. A call with `dry` takes nothing.
-- Requests and tokens are lent as leases. They are counted when they are lent, in the last slot in
-- which they may be used, so all processes together never admit more than the limit in any 60
-- seconds. `requests_want` and `tokens_want` are what the process wants for 10 seconds. If that is
-- at most a 48th of what is free, it is lent for 8 to 10 seconds; otherwise the lease ends with its
-- slot, and is at most a quarter. What is counted ahead leaves the window late, so with larger
-- parts a demand as large as the limit would get less than 95 % of it. `until_ms` is how long the
-- lease lasts; for a refusal, it is the time until the call fits.
-- A busy process may also be lent a slice of the budget (`lend_usd`): at most a 64th of what is
-- available, for `p_lend_ms`. The slice is a row of spend_reservation with a secret, and it expires
-- like every reservation. The keys of a family share one budget, and each process may be lent
-- slices for each of them. So once more than a quarter of what is not spent is reserved, no slice
-- is lent, and each call reserves its own amount.
-- A call that repeats its own reservation (`is_own`) takes nothing again (`slot` 0), also after it
-- was settled; once it has expired, the call takes everything anew.
-- `held_slot` is the slot of a lease that the call's tokens were taken from, 0 if no tokens count.
-- If a call does not fit into its budget, reservations that have expired are released: 500 of them
-- in all calls together, then 20 for each, because all calls wait for this one.
-- Three refusals are not limits: BUSY, when another transaction holds one of the rows, or the call
-- may fit into its budget once more reservations that have expired are released; TAKEN, when
-- the id of the reservation belongs to another key, a slice or a usage; and OTHER_AMOUNT, when it
-- was reserved with another amount. Uses, reservations and slices are durable when the
-- function returns, because they are valid for longer than a lease. Counts of requests and tokens
-- are not, so a crash loses the newest half second.
-- Locks, in this order, and waits for none of them: the family's row of key_budget, the key's row
-- of api_key_runtime, its row of key_rate, the id of the caller's own reservation. A row that is
-- not there yet is made under an advisory lock of its name.
CREATE OR REPLACE FUNCTION admit_calls(p_calls jsonb, p_hold_seconds integer, p_lend_ms integer)
RETURNS TABLE (
    n integer, refused text, slot bigint, until_ms integer, requests_used bigint,
    requests_lent bigint, tokens_used bigint, tokens_lent bigint, uses bigint, spent_usd numeric,
    reserved_usd numeric, period_end timestamptz, lent_usd numeric, lent_ms integer
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    call record;
    at timestamptz;
    began timestamptz;
    budget key_budget;
    rate key_rate;
    held spend_reservation;
    billed record;
    known boolean;
    has_expired boolean;
    are_more_due boolean;
    at_once integer := 500;
    place integer;
    is_little boolean;
    requests_free bigint;
    tokens_free bigint;
    freed numeric;
    rows integer;
BEGIN
    FOR call IN SELECT * FROM jsonb_to_recordset(p_calls) AS asked (
        n integer, tenant text, key text, family text, rpm integer, requests integer,
        requests_want integer, tpm integer, tokens bigint, tokens_want bigint, max_uses integer,
        max_usd numeric, period text, zone text, usd numeric, reservation text, is_own boolean,
        held_tokens bigint, held_slot bigint, lend_usd numeric, lend_least numeric, lend_id text, lend_secret text,
        dry boolean
    ) LOOP
        n := call.n;
        refused := NULL;
        slot := NULL;
        until_ms := 0;
        requests_used := 0;
        requests_lent := 0;
        tokens_used := 0;
        tokens_lent := 0;
        uses := NULL;
        lent_usd := 0;
        lent_ms := 0;
        budget := NULL;
        rate := NULL;
        held := NULL;
        known := false;
        are_more_due := false;
        PERFORM set_config('app.tenant_id', call.tenant, true);

        -- The rows, each locked or given up.
        at := clock_timestamp();
        IF call.max_usd IS NOT NULL OR call.usd IS NOT NULL THEN
            began := budget_period_start(call.period, call.zone, at);
            SELECT * INTO budget FROM key_budget AS b
            WHERE b.tenant_id = call.tenant AND b.family_id = call.family FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                -- An INSERT would wait for who has changed the row, or is just making it.
                IF EXISTS (SELECT FROM key_budget AS b
                        WHERE b.tenant_id = call.tenant AND b.family_id = call.family)
                    OR NOT pg_try_advisory_xact_lock(
                        hashtextextended('key_budget ' || call.tenant || call.family, 0)) THEN
                    refused := 'BUSY';
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                INSERT INTO key_budget (tenant_id, family_id, period_start, period_end)
                VALUES (call.tenant, call.family, began,
                    budget_period_end(call.period, call.zone, at))
                ON CONFLICT DO NOTHING RETURNING * INTO budget;
                IF NOT FOUND THEN
                    refused := 'BUSY';
                    RETURN NEXT;
                    CONTINUE;
                END IF;
            END IF;
            IF budget.period_start < began OR budget.period_start > at + interval '1 minute' THEN
                budget := touch_budget(call.tenant, call.family, call.period, call.zone, at);
            END IF;
        END IF;
        IF call.max_uses IS NOT NULL THEN
            SELECT r.uses INTO uses FROM api_key_runtime AS r
            WHERE r.tenant_id = call.tenant AND r.key_id = call.key FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                refused := 'BUSY';
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        IF call.rpm IS NOT NULL OR call.tpm IS NOT NULL THEN
            SELECT * INTO rate FROM key_rate AS r
            WHERE r.tenant_id = call.tenant AND r.key_id = call.key FOR UPDATE SKIP LOCKED;
            IF NOT FOUND THEN
                IF EXISTS (SELECT FROM key_rate AS r
                        WHERE r.tenant_id = call.tenant AND r.key_id = call.key)
                    OR NOT pg_try_advisory_xact_lock(
                        hashtextextended('key_rate ' || call.tenant || call.key, 0)) THEN
                    refused := 'BUSY';
                    RETURN NEXT;
                    CONTINUE;
                END IF;
                INSERT INTO key_rate (tenant_id, key_id) VALUES (call.tenant, call.key)
                ON CONFLICT DO NOTHING RETURNING * INTO rate;
                IF NOT FOUND THEN
                    refused := 'BUSY';
                    RETURN NEXT;
                    CONTINUE;
                END IF;
            END IF;
            slot := floor(extract(epoch FROM at) / 2);
            rate := rate_at(rate, slot);
            slot := greatest(slot, rate.newest - 4);
            requests_used := rate.requests_sum;
            tokens_used := rate.tokens_sum;
        END IF;

        -- Whether it fits.
        spent_usd := budget.spent_usd;
        reserved_usd := budget.reserved_usd;
        period_end := budget.period_end;
        IF call.is_own THEN
            -- Another call may be making a reservation of this id, for another key.
            IF NOT pg_try_advisory_xact_lock(
                hashtextextended('reservation ' || call.tenant || call.reservation, 0)) THEN
                refused := 'BUSY';
                RETURN NEXT;
                CONTINUE;
            END IF;
            SELECT * INTO held FROM spend_reservation AS s
            WHERE s.tenant_id = call.tenant AND s.id = call.reservation;
        END IF;
        has_expired := coalesce(
            held.key_id = call.key AND held.released_at IS NULL AND held.expires_at <= at, false);
        IF has_expired OR (reserved_usd > 0
            AND (spent_usd + reserved_usd + coalesce(call.usd, 0) > call.max_usd
                OR (call.usd IS NULL AND spent_usd + reserved_usd >= call.max_usd))) THEN
            SELECT coalesce(sum(s.freed), 0), coalesce(sum(s.released), 0) INTO freed, rows
            FROM release_some(call.tenant, call.family, at, at_once,
                CASE WHEN has_expired THEN call.reservation END) AS s;
            reserved_usd := reserved_usd - freed;
            are_more_due := rows >= at_once;
            at_once := greatest(20, at_once - rows);
        END IF;
        IF call.is_own THEN
            IF has_expired THEN
                held.released_at := at;
            END IF;
            SELECT l.key_id, l.kind, coalesce(l.reserved_usd, (
                SELECT e.reserved_usd FROM spend_ledger AS e
                WHERE e.tenant_id = l.tenant_id AND e.id = l.id || '/expired')) AS usd
            INTO billed FROM spend_ledger AS l
            WHERE l.tenant_id = call.tenant AND l.id = call.reservation;
            known := (held.id IS NOT NULL AND held.released_at IS NULL)
                OR billed.key_id IS NOT NULL;
            refused := CASE
                WHEN held.key_id <> call.key OR held.secret IS NOT NULL
                    OR billed.key_id <> call.key OR billed.kind <> 'settled' THEN 'TAKEN'
                WHEN coalesce(held.usd, billed.usd) <> call.usd THEN 'OTHER_AMOUNT'
            END;
            IF refused IS NOT NULL OR (known AND NOT call.dry) THEN
                slot := 0;
                RETURN NEXT;
                CONTINUE;
            END IF;
        END IF;
        refused := CASE
            WHEN uses >= call.max_uses THEN 'USES_EXCEEDED'
            WHEN call.requests > 0 AND requests_used + call.requests > call.rpm
                THEN 'RPM_EXCEEDED'
            WHEN call.tokens > 0 AND tokens_used + call.tokens > call.tpm THEN 'TPM_EXCEEDED'
            WHEN call.usd IS NULL AND spent_usd + reserved_usd >= call.max_usd
                THEN 'BUDGET_EXCEEDED'
            WHEN NOT known AND spent_usd + reserved_usd + call.usd > call.max_usd
                THEN 'BUDGET_EXCEEDED'
        END;
        IF refused = 'BUDGET_EXCEEDED' AND are_more_due THEN
            refused := 'BUSY';
        ELSIF refused = 'RPM_EXCEEDED' THEN
            until_ms := rate_fits_in(rate.requests, rate.newest, call.rpm, call.requests, at);
        ELSIF refused = 'TPM_EXCEEDED' THEN
            until_ms := rate_fits_in(rate.tokens, rate.newest, call.tpm, call.tokens, at);
        END IF;
        IF refused IS NOT NULL OR call.dry THEN
            RETURN NEXT;
            CONTINUE;
        END IF;

        -- What is lent, and until when: the reservation names the slot in which its tokens count.
        requests_free := CASE WHEN call.requests > 0 THEN call.rpm - requests_used END;
        tokens_free := CASE WHEN call.tokens > 0 THEN call.tpm - tokens_used END;
        is_little := coalesce(
            greatest(call.requests, call.requests_want) <= requests_free / 48, true)
            AND coalesce(greatest(call.tokens, call.tokens_want) <= tokens_free / 48, true);
        IF requests_free IS NOT NULL THEN
            requests_lent := greatest(call.requests, CASE
                WHEN is_little THEN call.requests_want
                ELSE least(call.requests_want / 5, requests_free / 4) END);
        END IF;
        IF tokens_free IS NOT NULL THEN
            tokens_lent := greatest(call.tokens, CASE
                WHEN is_little THEN call.tokens_want
                ELSE least(call.tokens_want / 5, tokens_free / 4) END);
        END IF;
        IF is_little AND (requests_lent > 0 OR tokens_lent > 0) THEN
            slot := slot + 4;
        END IF;

        -- Money: a slice for many calls, or this one's own.
        IF call.lend_usd > 0 AND NOT coalesce(
            reserved_usd > (call.max_usd - spent_usd) / 4, false) THEN
            lent_usd := trunc(
                least(call.lend_usd, (call.max_usd - spent_usd - reserved_usd) / 64), 9);
            lent_ms := least(p_lend_ms, floor(extract(epoch FROM period_end - at) * 1000));
            IF lent_usd < call.lend_least OR lent_ms <= 0 THEN
                lent_usd := 0;
            END IF;
        END IF;
        IF lent_usd > 0 OR (call.usd IS NOT NULL AND call.reservation IS NOT NULL) THEN
            PERFORM set_config('synchronous_commit', 'on', true);
            IF held.released_at IS NOT NULL THEN
                DELETE FROM spend_reservation AS s
                WHERE s.tenant_id = call.tenant AND s.id = call.reservation;
            END IF;
            INSERT INTO spend_reservation (tenant_id, id, key_id, family_id, period_start, usd,
                tokens, bucket, expires_at, secret)
            SELECT call.tenant, call.lend_id, call.key, call.family, budget.period_start, lent_usd,
                0, 0, at + make_interval(secs => p_hold_seconds + p_lend_ms / 1000.0),
                decode(call.lend_secret, 'hex')
            WHERE lent_usd > 0
            UNION ALL
            SELECT call.tenant, call.reservation, call.key, call.family, budget.period_start,
                call.usd, call.held_tokens, coalesce(call.held_slot, slot, 0),
                at + make_interval(secs => p_hold_seconds), NULL
            WHERE lent_usd = 0
            ON CONFLICT DO NOTHING;
            GET DIAGNOSTICS rows = ROW_COUNT;
            IF rows = 0 THEN
                refused := 'TAKEN';
                requests_lent := 0;
                tokens_lent := 0;
                RETURN NEXT;
                CONTINUE;
            END IF;
            reserved_usd := reserved_usd + CASE WHEN lent_usd > 0 THEN lent_usd ELSE call.usd END;
            UPDATE key_budget AS b SET reserved_usd = admit_calls.reserved_usd
            WHERE b.tenant_id = call.tenant AND b.family_id = call.family;
        END IF;

        -- Uses, and slices of the window.
        IF call.max_uses IS NOT NULL THEN
            PERFORM set_config('synchronous_commit', 'on', true);
            uses := uses + 1;
            UPDATE api_key_runtime AS r SET uses = admit_calls.uses
            WHERE r.tenant_id = call.tenant AND r.key_id = call.key;
        END IF;
        IF requests_lent > 0 OR tokens_lent > 0 THEN
            until_ms := greatest(0, 2000 * (slot + 1) - floor(1000 * extract(epoch FROM at)));
            place := 35 - (rate.newest - slot);
            rate.requests[place] := rate.requests[place] + requests_lent;
            rate.tokens[place] := rate.tokens[place] + tokens_lent;
            requests_used := requests_used + requests_lent;
            tokens_used := tokens_used + tokens_lent;
            UPDATE key_rate AS r SET newest = rate.newest, requests = rate.requests,
                tokens = rate.tokens, requests_sum = requests_used, tokens_sum = tokens_used
            WHERE r.tenant_id = call.tenant AND r.key_id = call.key;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
