"""Decide whether a key is valid for a call: a pure function over a snapshot and a question.

The checks run in the order of CHECKS. Those that consume nothing come first, so that a refused call
consumes nothing. The trace of the checks is data.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from portal.applications.models import STOPPED
from portal.keys.decision.snapshot import Snapshot
from portal.outbound.networks import Address

VALID = "VALID"
MALFORMED, NOT_FOUND = "MALFORMED", "NOT_FOUND"
SOURCE_LIMITED = "SOURCE_LIMITED"
BROWNOUT_STEP = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """Hold the requirements of a call. A scope or a model of None is not checked.

    `tokens` and `usd` are estimates.
    """

    scope: str | None = None
    model: str | None = None
    tokens: int = 0
    usd: Decimal | None = None
    ip: Address | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a decision: its code, whether it passed, and what was compared."""

    code: str
    passed: bool
    detail: str

    def document(self) -> dict[str, Any]:
        """Return the check in the form that REST shows."""
        return {"code": self.code, "passed": self.passed, "detail": self.detail}


Refuses = Callable[[Snapshot, Question, datetime], bool]
Explains = Callable[[Snapshot, Question, datetime], str]


def _revoked(key: Snapshot, question: Question, now: datetime) -> bool:
    return key.is_ended or (key.revoked_at is not None and key.revoked_at <= now)


def _blocked(key: Snapshot, question: Question, now: datetime) -> bool:
    return (
        key.blocked
        or (key.brownout_from is not None and is_dark(key.brownout_from, now))
        or (key.parent_brownout_from is not None and is_dark(key.parent_brownout_from, now))
    )


def _expired(key: Snapshot, question: Question, now: datetime) -> bool:
    return key.expires_at is not None and key.expires_at <= now


def _application_stopped(key: Snapshot, question: Question, now: datetime) -> bool:
    return key.application_status in STOPPED


def _address_forbidden(key: Snapshot, question: Question, now: datetime) -> bool:
    # A key with allowed networks is refused if the address of the caller is not known.
    if not key.allowed_ips:
        return False
    ip = question.ip
    return ip is None or not any(ip in network for network in key.allowed_ips)


def _scope_missing(key: Snapshot, question: Question, now: datetime) -> bool:
    return question.scope is not None and question.scope not in key.scopes


def _model_forbidden(key: Snapshot, question: Question, now: datetime) -> bool:
    if question.model is None or not key.allowed_models:
        return False
    return question.model not in key.allowed_models


def is_dark(began: datetime, now: datetime) -> bool:
    """Tell whether a brown-out that began at `began` refuses calls at `now`.

    It refuses for 1 minute in the first hour, then for 2, 4, 8 …, and from the seventh hour on
    always.
    """
    if now < began:
        return False
    hours, into = divmod(now - began, BROWNOUT_STEP)
    return into < timedelta(minutes=2 ** min(hours, 6))


def _when(moment: datetime | None, word: str) -> str:
    return f"never {word}" if moment is None else f"{word} {moment.isoformat(timespec='seconds')}"


def _allowed(those: Iterable[str], what: str) -> str:
    named = ", ".join(those)
    return f"allowed: {named}" if named else f"any {what} is allowed"


CHECKS: tuple[tuple[str, Refuses, Explains], ...] = (
    ("REVOKED", _revoked, lambda key, q, now: _when(key.revoked_at, "revoked")),
    (
        "BLOCKED",
        _blocked,
        lambda key, q, now: (
            key.blocked_reason
            or ("blocked" if key.blocked else "")
            or ("in a brown-out before its end" if _blocked(key, q, now) else "not blocked")
        ),
    ),
    ("EXPIRED", _expired, lambda key, q, now: _when(key.expires_at, "expires")),
    (
        "APP_INACTIVE",
        _application_stopped,
        lambda key, q, now: f"application {key.application_status or 'none'}",
    ),
    (
        "IP_FORBIDDEN",
        _address_forbidden,
        lambda key, q, now: (
            f"{q.ip or 'address unknown'}; {_allowed(map(str, key.allowed_ips), 'address')}"
        ),
    ),
    (
        "SCOPE_MISSING",
        _scope_missing,
        lambda key, q, now: (
            f"{f'needs {q.scope}' if q.scope else 'no scope asked'};"
            f" granted: {', '.join(sorted(key.scopes)) or 'none'}"
        ),
    ),
    (
        "MODEL_FORBIDDEN",
        _model_forbidden,
        lambda key, q, now: (
            f"{q.model or 'no model asked'}; {_allowed(sorted(key.allowed_models), 'model')}"
        ),
    ),
)
"""Code, whether it refuses, and what it compares, for every check that consumes nothing."""

METERED = ("USES_EXCEEDED", "RPM_EXCEEDED", "TPM_EXCEEDED", "BUDGET_EXCEEDED")
"""The codes of the checks that follow; they are decided where calls are counted."""


def refusal(key: Snapshot, question: Question, now: datetime) -> str | None:
    """Return the code of the first check that refuses; None if only the metered checks remain."""
    for code, refuses, _ in CHECKS:
        if refuses(key, question, now):
            return code
    return None


def trace(key: Snapshot, question: Question, now: datetime) -> Iterator[Check]:
    """Yield every check that consumes nothing, passed or not, in the order of the decision."""
    for code, refuses, explain in CHECKS:
        yield Check(code, not refuses(key, question, now), explain(key, question, now))
