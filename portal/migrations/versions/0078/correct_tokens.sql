-- Corrects the tokens that were counted for a call, in the slot in which they were counted: adds
-- `p_more`, which is negative if the call used fewer. Does nothing once the slot is too old to
-- count. No count falls below zero: a crash may have forgotten some of it.
-- Locks: the key's row of key_rate.
CREATE OR REPLACE FUNCTION correct_tokens(p_tenant text, p_key text, p_slot bigint, p_more bigint)
RETURNS void LANGUAGE sql VOLATILE AS $$
    UPDATE key_rate AS r SET
        tokens[35 - (r.newest - p_slot)] = r.tokens[35 - (r.newest - p_slot)]
            + greatest(p_more, -greatest(0, r.tokens[35 - (r.newest - p_slot)])),
        tokens_sum = r.tokens_sum
            + greatest(p_more, -greatest(0, r.tokens[35 - (r.newest - p_slot)]))
    WHERE r.tenant_id = p_tenant AND r.key_id = p_key AND r.newest - p_slot BETWEEN 0 AND 34
$$;
