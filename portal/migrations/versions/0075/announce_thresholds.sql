-- Returns the percentages (50, 80, 100) of the family's budgets that are spent and not announced
-- yet in this period, and marks them as announced. Keys with a budget of the same amount are
-- announced together: `key_id` is one of them. `p_usd` selects one amount; NULL selects all, and 0
-- none. Also sets from which amount spent there is something to announce again.
-- Locks: the family's row of key_budget.
CREATE OR REPLACE FUNCTION announce_thresholds(p_tenant text, p_family text, p_usd numeric)
RETURNS TABLE (key_id text, percent integer, max_usd numeric) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    budget key_budget;
    announced jsonb;
    of_one integer;
    reached integer;
    most integer := 0;
    next_usd numeric;
BEGIN
    SELECT * INTO budget FROM key_budget AS b
    WHERE b.tenant_id = p_tenant AND b.family_id = p_family FOR UPDATE;
    -- NULL in a row from before 0075, in which a family had one percentage.
    announced := coalesce(budget.announced_by_budget,
        jsonb_build_object(coalesce(p_usd, 0)::text, budget.announced_percent));
    FOR max_usd, key_id IN SELECT f.max_usd, f.key_id
        FROM family_budgets(p_tenant, p_family, p_usd) AS f
    LOOP
        reached := reached_percent(budget.spent_usd, max_usd);
        most := greatest(most, reached);
        of_one := coalesce((announced ->> max_usd::text)::integer, 0);
        IF reached > of_one AND (p_usd IS NULL OR p_usd = max_usd) THEN
            FOREACH percent IN ARRAY ARRAY[100, 80, 50] LOOP
                IF percent > of_one AND percent <= reached THEN
                    RETURN NEXT;
                END IF;
            END LOOP;
            announced := announced || jsonb_build_object(max_usd::text, reached);
            of_one := reached;
        END IF;
        next_usd := least(next_usd, max_usd * CASE WHEN of_one < 50 THEN 0.5
            WHEN of_one < 80 THEN 0.8 WHEN of_one < 100 THEN 1 END);
    END LOOP;
    UPDATE key_budget AS b SET announced_by_budget = announced, announced_percent = most,
        next_notice_usd = next_usd
    WHERE b.tenant_id = p_tenant AND b.family_id = p_family;
END $$;
