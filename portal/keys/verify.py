"""Is this key good, for this? The answer to services that are called with keys.

Always an answer and never an error: `valid`, and the code of the first check that refuses. Another
tenant's key looks like none. What is refused consumes nothing.
"""

from datetime import datetime
from typing import Any

from portal.keys.decision import (
    METERED,
    NOT_FOUND,
    VALID,
    Check,
    Question,
    refusal,
    trace,
)
from portal.keys.denials import Denial
from portal.keys.engine import Engine
from portal.keys.meters import FREE, Admission
from portal.keys.schemas import RehearseKey, VerifyKey
from portal.keys.snapshot import Snapshot
from portal.keys.usage import usage
from portal.networks import parse

NOTHING: dict[str, Any] = {
    "key_id": None,
    "name": None,
    "kind": None,
    "tenant_id": None,
    "application_id": None,
    "app_id": None,
    "scopes": [],
    "expires_at": None,
    "limits": [],
    "budget": None,
    "reservation_id": None,
}


def verify(engine: Engine, tenant_id: str, asked: VerifyKey, request_id: str) -> dict[str, Any]:
    """Decide about a key for a caller of this tenant.

    Raises Unavailable when the database is needed and away, Conflict for a reservation id that
    belongs to another key.
    """
    question = question_of(asked)
    key = engine.find(asked.key.strip(), question.ip)
    now = engine.clock.now()  # after the look-up, which may have put it right
    if isinstance(key, Snapshot) and key.tenant_id != tenant_id:
        engine.note_unknown(question.ip, is_new=False)
        key = NOT_FOUND
    if isinstance(key, str):
        return _unknown(engine, tenant_id, key, asked, request_id, now)
    code = refusal(key, question, now)
    if asked.dry_run:
        return rehearsed(engine, key, asked)
    admission = FREE
    if code is None and (key.is_metered or question.usd is not None):
        own_id = None if question.usd is None else asked.reservation_id
        admission = engine.meters.admit(key, question, own_id)
        code = admission.refused
    if code is None:
        usage.note(tenant_id, key.id, now, source=asked.ip, scope=asked.scope)
        return _answer(key, VALID, admission)
    usage.deny(tenant_id, key.id, now, code)
    deny(engine, key, question, code, admission, request_id, now)
    return _answer(key, code, admission)


def question_of(asked: RehearseKey) -> Question:
    """What is asked of the key, as the decision reads it."""
    return Question(
        scope=asked.scope,
        model=asked.model,
        tokens=asked.cost_tokens or 0,
        usd=asked.estimated_usd,
        ip=None if asked.ip is None else parse(asked.ip),
    )


def deny(
    engine: Engine,
    key: Snapshot,
    question: Question,
    code: str,
    admission: Admission,
    request_id: str,
    now: datetime,
) -> None:
    """Keep the trace of a refusal, to be found by the request's id."""
    checks = (*trace(key, question, now), *metered(key, question, admission, code))
    source = None if question.ip is None else str(question.ip)
    engine.denials.note(Denial(key.tenant_id, request_id, now, key.id, code, source, checks))


def metered(
    key: Snapshot, question: Question, admission: Admission, code: str | None
) -> tuple[Check, ...]:
    """The checks that count, as they came out; none where an earlier one refused."""
    if code is not None and code not in METERED:
        return ()
    limits = {limit.name: limit for limit in admission.limits}
    found = []
    for step, name, cost in (
        ("USES_EXCEEDED", "uses", 1),
        ("RPM_EXCEEDED", "rpm", 1),
        ("TPM_EXCEEDED", "tpm", question.tokens),
    ):
        limit = limits.get(name)
        detail = "no limit"
        if limit is not None:
            left = "unknown" if limit.remaining is None else limit.remaining
            detail = f"{cost} of {left} left, {limit.limit} in all"
        found.append(Check(step, code != step, detail))
        if code == step:
            return tuple(found)
    budget = admission.budget
    detail = "no budget"
    if budget is not None and budget.max_usd is not None:
        detail = f"{question.usd or 0} of {budget.available_usd} available"
    return (*found, Check("BUDGET_EXCEEDED", code != "BUDGET_EXCEEDED", detail))


def _unknown(
    engine: Engine, tenant_id: str, code: str, asked: VerifyKey, request_id: str, now: datetime
) -> dict[str, Any]:
    check = Check(code, False, "no key of this tenant")
    if asked.dry_run:
        return {"valid": False, "code": code, **NOTHING, "trace": [check.document()]}
    engine.denials.note(Denial(tenant_id, request_id, now, None, code, asked.ip, (check,)))
    return {"valid": False, "code": code, **NOTHING}


def rehearsed(engine: Engine, key: Snapshot, asked: RehearseKey) -> dict[str, Any]:
    """The answer with the whole trace, and nothing consumed."""
    verdict, admission, checks = rehearse(engine, key, question_of(asked))
    return {**_answer(key, verdict, admission), "trace": checks}


def rehearse(
    engine: Engine, key: Snapshot, question: Question
) -> tuple[str, Admission, list[dict[str, Any]]]:
    """The verdict, how the meters stand, and every check, also those after the first refusal."""
    now = engine.clock.now()
    code = refusal(key, question, now)
    admission = engine.meters.look(key, question)
    checks = [*trace(key, question, now), *metered(key, question, admission, admission.refused)]
    return code or admission.refused or VALID, admission, [check.document() for check in checks]


def _answer(key: Snapshot, code: str, admission: Admission) -> dict[str, Any]:
    budget = admission.budget
    return {
        "valid": code == VALID,
        "code": code,
        "key_id": key.id,
        "name": key.name,
        "kind": key.kind,
        "tenant_id": key.tenant_id,
        "application_id": key.application_id,
        "app_id": key.application_slug,
        "scopes": sorted(key.scopes),
        "expires_at": key.expires_at,
        "limits": [limit.document for limit in admission.limits],
        "budget": None if budget is None else budget.document,
        "reservation_id": admission.reservation_id,
    }
