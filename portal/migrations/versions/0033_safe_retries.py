"""0033 safe retries: a call that repeats its reservation takes nothing again, a refusal says when
the sliding window lets a call through, and each threshold that a budget passed is told."""

from alembic import op

from portal.migrations.key_engine import ADMIT_KEY, SPEND

revision, down_revision = "0033", "0032"

# `bucket` 0 says so: what the caller took of its lease before it asked goes back.
REPEATED = """    IF known AND NOT p_dry THEN
        bucket := 0;
        RETURN NEXT;
        RETURN;
    END IF;
    refused := CASE"""
# Of the minute before, less is counted with each moment: until what is left of it makes room.
WHEN_IT_FITS = """    IF refused = 'RPM_EXCEEDED' AND held.requests + p_requests <= p_rpm THEN
        left_ms := least(left_ms, 1 + ceil(60000 * (fresh
            - (p_rpm - p_requests - held.requests + 1) / held.requests_before::numeric)));
    ELSIF refused = 'TPM_EXCEEDED' AND held.tokens + p_tokens <= p_tpm THEN
        left_ms := least(left_ms, 1 + ceil(60000 * (fresh
            - (p_tpm - p_tokens - held.tokens + 1) / held.tokens_before::numeric)));
    END IF;
    IF refused IS NOT NULL OR p_dry THEN"""

ONE = """    IF crossed > budget.announced_percent THEN
        UPDATE key_budget AS b SET announced_percent = crossed
        WHERE b.tenant_id = p_tenant AND b.family_id = family;
    ELSE
        crossed := NULL;
    END IF;
    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    RETURN NEXT;
"""
# A row for each, the highest first: whoever reads one row reads what there was before.
EACH = """    spent_usd := budget.spent_usd;
    reserved_usd := budget.reserved_usd;
    period_end := budget.period_end;
    IF crossed IS NULL OR crossed <= budget.announced_percent THEN
        crossed := NULL;
        RETURN NEXT;
        RETURN;
    END IF;
    UPDATE key_budget AS b SET announced_percent = crossed
    WHERE b.tenant_id = p_tenant AND b.family_id = family;
    FOR crossed IN SELECT step FROM unnest(ARRAY[100, 80, 50]) AS step
        WHERE step <= full_percent AND step > budget.announced_percent ORDER BY step DESC
    LOOP
        RETURN NEXT;
    END LOOP;
"""


def upgrade() -> None:
    admit = _with(ADMIT_KEY, "    refused := CASE", REPEATED)
    op.execute(_anew(_with(admit, "    IF refused IS NOT NULL OR p_dry THEN", WHEN_IT_FITS)))
    op.execute(_anew(_with(SPEND, ONE, EACH)))


def downgrade() -> None:
    op.execute(_anew(ADMIT_KEY))
    op.execute(_anew(SPEND))


def _with(function: str, old: str, new: str) -> str:
    assert function.count(old) == 1  # noqa: S101
    return function.replace(old, new)


def _anew(function: str) -> str:
    return function.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
