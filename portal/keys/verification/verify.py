"""Decide whether a key is valid for a call, for services that are called with keys.

A refusal is an answer and not an error: `valid`, and the code of the first check that refuses. A
key of another tenant looks like an unknown key. A refused call consumes nothing.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.core.deadlines import elapsed
from portal.core.errors import Unavailable, UnknownOutcome
from portal.keys.decision.decision import (
    MALFORMED,
    METERED,
    NOT_FOUND,
    SOURCE_LIMITED,
    VALID,
    Check,
    Question,
    refusal,
    trace,
)
from portal.keys.decision.format import digest
from portal.keys.decision.snapshot import Snapshot, gone
from portal.keys.decision.verdict import FREE, Admission
from portal.keys.limits.admission import Call
from portal.keys.limits.counting import MAY_BE_COUNTED
from portal.keys.schemas import RehearseKey, VerifyKey
from portal.keys.verification.denials import Denial
from portal.keys.verification.unknown_keys import reported
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import KeyVerifier
from portal.outbound.networks import parse

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
GIVE_BACK_TRIES = 15  # half a second in all, if another transaction holds the budget
UNKNOWN = {
    MALFORMED: "this text has not the shape of a key, or its checksum is wrong",
    NOT_FOUND: "no key of this tenant",
    SOURCE_LIMITED: "too many unknown keys from this address",
}
"""Code → the detail of the check, where no key is known."""


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call with a known key. Only its limits and its budget are not checked yet."""

    engine: KeyVerifier
    key: Snapshot
    question: Question
    request_id: str
    source: str | None
    now: datetime

    def answer(self, admission: Admission) -> dict[str, Any]:
        """Return the answer, after the meters have been read."""
        if admission.refused is not None:
            return refused(self, admission.refused, admission)
        key = self.key
        usage.note(key.tenant_id, key.id, self.now, source=self.source, scope=self.question.scope)
        return _answer(key, VALID, admission)

    def answer_anew(self, asked: VerifyKey, counted: Call, admission: Admission) -> dict[str, Any]:
        """Return the answer by what the key is now: it may have changed during the count.

        It waits for PostgreSQL. Raises UnknownOutcome when that does not answer, and when what was
        reserved for a call that is now refused could not be given back.
        """
        if admission.refused is not None:
            return self.answer(admission)
        for number in range(GIVE_BACK_TRIES):
            time.sleep(number * 0.005)
            try:
                key = self.engine.known(digest(asked.key.strip())) or gone(self.key)
                call = replace(self, key=key, now=self.engine.clock.now())
                code = refusal(key, self.question, call.now)
                if code is None:
                    return call.answer(admission)
                if counted.give_back_money(self.engine.wire):
                    return refused(call, code, FREE)
            except Unavailable:
                break
        raise UnknownOutcome(MAY_BE_COUNTED)


Begun = dict[str, Any] | tuple[KnownCall, Call]
"""The answer, or a call that PostgreSQL must count first."""


def verify(
    engine: KeyVerifier, tenant_id: str, asked: VerifyKey, request_id: str
) -> dict[str, Any]:
    """Return the verdict on a key for a caller of this tenant.

    Raises Unavailable when PostgreSQL is needed but unavailable, UnknownOutcome when it may have
    counted the call, and Conflict for a reservation id that another call has.
    """
    asked_at = elapsed()
    source = reported(tenant_id, question_of(asked).ip)
    key = engine.find(asked.key.strip(), source)
    begun = begin(engine, tenant_id, asked, request_id, key, asked_at)
    if asked.dry_run and isinstance(key, Snapshot) and engine.may_have_changed(key, asked_at):
        key = engine.find(asked.key.strip(), source)
        begun = begin(engine, tenant_id, asked, request_id, key, asked_at)
    if isinstance(begun, dict):
        return begun
    call, counted = begun
    admission = engine.meters.wait(counted)
    if engine.may_have_changed(call.key, asked_at):
        return call.answer_anew(asked, counted, admission)
    return call.answer(admission)


def begin(
    engine: KeyVerifier,
    tenant_id: str,
    asked: VerifyKey,
    request_id: str,
    key: Snapshot | str,
    asked_at: float,
) -> Begun:
    """Decide about a key as far as memory allows.

    `key` is its snapshot, or the code that says why there is none, and `asked_at` the time
    (`elapsed`) before it was looked up. Only a dry run (`dry_run`) waits for PostgreSQL here.
    """
    question = question_of(asked)
    now = engine.clock.now()  # after the look-up, which may have corrected the clock
    if isinstance(key, Snapshot) and key.tenant_id != tenant_id:
        source = reported(tenant_id, question.ip)
        key = SOURCE_LIMITED if engine.sources.wait(source) else NOT_FOUND
        if key == NOT_FOUND:
            engine.note_unknown(source, is_new=False)
    if isinstance(key, str):
        return _unknown(engine, tenant_id, key, asked, request_id, now)
    code = refusal(key, question, now)
    if asked.dry_run:
        return rehearsed(engine, key, asked)
    call = KnownCall(engine, key, question, request_id, asked.ip, now)
    if code is not None:
        return refused(call, code, FREE)
    if not key.is_metered and question.usd is None:
        return call.answer(FREE)
    own_id = None if question.usd is None else asked.reservation_id
    begun = engine.meters.begin(key, question, own_id, asked_at=asked_at)
    return call.answer(begun) if isinstance(begun, Admission) else (call, begun)


def refused(call: KnownCall, code: str, admission: Admission) -> dict[str, Any]:
    """Return the answer to a refused call, and store its trace."""
    usage.deny(call.key.tenant_id, call.key.id, call.now, code)
    deny(call.engine, call.key, call.question, code, admission, call.request_id, call.now)
    return _answer(call.key, code, admission)


def question_of(asked: RehearseKey) -> Question:
    """Return what the call needs, in the form that the decision reads."""
    return Question(
        scope=asked.scope,
        model=asked.model,
        tokens=asked.cost_tokens or 0,
        usd=asked.estimated_usd,
        ip=None if asked.ip is None else parse(asked.ip),
    )


def deny(
    engine: KeyVerifier,
    key: Snapshot,
    question: Question,
    code: str,
    admission: Admission,
    request_id: str,
    now: datetime,
) -> None:
    """Store the trace of a refusal, to be found by the request id."""
    checks = (*trace(key, question, now), *counted(question, admission, code))
    source = None if question.ip is None else str(question.ip)
    engine.denials.note(Denial(key.tenant_id, request_id, now, key.id, code, source, checks))


def counted(question: Question, admission: Admission, code: str) -> list[Check]:
    """Return the metered checks up to the one that refused; none if an earlier check did."""
    if code not in METERED:
        return []
    return metered(question, admission)[: METERED.index(code) + 1]


def metered(question: Question, admission: Admission) -> list[Check]:
    """Return every metered check, given the state of the meters."""
    limits = {limit.name: limit for limit in admission.limits}
    found = []
    for step, name, cost in (
        ("USES_EXCEEDED", "uses", 1),
        ("RPM_EXCEEDED", "rpm", 1),
        ("TPM_EXCEEDED", "tpm", question.tokens),
    ):
        limit, fits, detail = limits.get(name), True, "no limit"
        if limit is not None:
            left = limit.remaining
            fits = left is None or cost <= left
            detail = f"needs {cost}; {'unknown' if left is None else left} of {limit.limit} left"
        found.append(Check(step, fits and admission.refused != step, detail))
    return [*found, _affordable(question, admission)]


def _affordable(question: Question, admission: Admission) -> Check:
    step, budget = "BUDGET_EXCEEDED", admission.budget
    if budget is None or budget.max_usd is None:
        return Check(step, admission.refused != step, "no budget")
    left = budget.max_usd - budget.spent_usd - budget.reserved_usd
    fits = question.usd <= left if question.usd else left > 0
    needs = "cost unknown" if question.usd is None else f"needs {_dollars(question.usd)}"
    detail = f"{needs}; {_dollars(max(left, Decimal(0)))} of {_dollars(budget.max_usd)} left"
    return Check(step, fits and admission.refused != step, f"{detail}, in US dollars")


def _dollars(usd: Decimal) -> str:
    """Return the amount with two decimals, or with more if it has more."""
    whole, _, part = f"{usd:f}".partition(".")
    return f"{whole}.{part.rstrip('0').ljust(2, '0')}"


def _unknown(
    engine: KeyVerifier, tenant_id: str, code: str, asked: VerifyKey, request_id: str, now: datetime
) -> dict[str, Any]:
    check = Check(code, False, UNKNOWN[code])
    if asked.dry_run:
        return {"valid": False, "code": code, **NOTHING, "trace": [check.document()]}
    engine.denials.note(Denial(tenant_id, request_id, now, None, code, asked.ip, (check,)))
    return {"valid": False, "code": code, **NOTHING}


def rehearsed(engine: KeyVerifier, key: Snapshot, asked: RehearseKey) -> dict[str, Any]:
    """Return the answer to a dry run, with the whole trace. Consumes nothing."""
    verdict, admission, checks = rehearse(engine, key, question_of(asked))
    return {**_answer(key, verdict, admission), "trace": checks}


def rehearse(
    engine: KeyVerifier, key: Snapshot, question: Question
) -> tuple[str, Admission, list[dict[str, Any]]]:
    """Return the verdict, the state of the meters, and every check.

    The checks after the first refusal are included.
    """
    now = engine.clock.now()
    code = refusal(key, question, now)
    admission = engine.meters.look(key, question)
    checks = [*trace(key, question, now), *metered(question, admission)]
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
        "expires_at": key.ends_at,
        "limits": [limit.document for limit in admission.limits],
        "budget": None if budget is None else budget.document,
        "reservation_id": admission.reservation_id,
    }
