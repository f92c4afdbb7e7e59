-- Keeps right what was announced about a family's budget when a key of it gets another budget: of
-- the new amount, a percentage counts as announced if it is spent and was announced of the old one.
-- After a new amount in the family, the next payment looks at all of its budgets. The amount of the
-- key's parent or predecessor is not new. It looks at the whole family only where the percentage of
-- the key falls: an edit that lowers a budget writes all children, and raises their percentages.
-- Locks: the family's row of key_budget.
CREATE OR REPLACE FUNCTION note_budget_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    family text := coalesce(NEW.rotation_family_id, NEW.id);
    budget key_budget;
    announced jsonb;
    before integer;
    reached integer := 0;
    reached_before integer := 0;
    most integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        UPDATE key_budget SET next_notice_usd = 0
        WHERE tenant_id = NEW.tenant_id AND family_id = NEW.rotation_family_id AND NOT EXISTS (
                SELECT FROM api_key AS k
                WHERE k.tenant_id = NEW.tenant_id
                    AND k.id IN (NEW.parent_key_id, NEW.rotated_from_key_id)
                    AND k.max_budget_usd = NEW.max_budget_usd
                    AND k.revoked_at IS NULL AND k.expires_key > now());
        RETURN NULL;
    ELSIF NEW.max_budget_usd IS NOT DISTINCT FROM OLD.max_budget_usd THEN
        RETURN NULL;
    END IF;
    SELECT * INTO budget FROM key_budget AS b
    WHERE b.tenant_id = NEW.tenant_id AND b.family_id = family FOR UPDATE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    -- NULL in a row from before 0075, in which a family had one percentage.
    announced := coalesce(budget.announced_by_budget,
        jsonb_build_object(coalesce(OLD.max_budget_usd, 0)::text, budget.announced_percent));
    before := coalesce((announced ->> OLD.max_budget_usd::text)::integer, 0);
    IF OLD.max_budget_usd > 0 THEN
        reached_before := reached_percent(budget.spent_usd, OLD.max_budget_usd);
    END IF;
    IF NEW.max_budget_usd > 0 THEN
        reached := reached_percent(budget.spent_usd, NEW.max_budget_usd);
        IF NOT announced ? NEW.max_budget_usd::text THEN
            announced := announced || jsonb_build_object(
                NEW.max_budget_usd::text, least(before, reached));
        END IF;
    END IF;
    most := greatest(budget.announced_percent, reached);
    IF reached < reached_before THEN
        SELECT coalesce(max(reached_percent(budget.spent_usd, f.max_usd)), 0) INTO most
        FROM family_budgets(NEW.tenant_id, family, NULL) AS f;
    END IF;
    UPDATE key_budget AS b
    SET announced_by_budget = announced, next_notice_usd = 0, announced_percent = most
    WHERE b.tenant_id = NEW.tenant_id AND b.family_id = family
        AND (b.announced_by_budget, b.next_notice_usd, b.announced_percent)
            IS DISTINCT FROM (announced, 0::numeric, most);
    RETURN NULL;
END $$;
