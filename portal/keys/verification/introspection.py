"""Introspect a key (RFC 7662): decide whether it is valid, count that, and describe it.

Whoever is called with a key introspects it, so this is a use of the key. It takes nothing from the
key's limits, because it may be asked several times about one call.
"""

from dataclasses import replace
from typing import Any

from portal.keys.decision.decision import Question, refusal
from portal.keys.decision.snapshot import Snapshot
from portal.keys.decision.verdict import FREE, Admission
from portal.keys.verification.use_counts import usage
from portal.keys.verification.verifier import KeyVerifier
from portal.keys.verification.verify import deny

USE = "oauth:introspect"
"""The scope under which a use is counted: the caller does not say what the key is used for."""


def is_active(
    engine: KeyVerifier,
    key: Snapshot,
    caller_id: str,
    request_id: str,
    admission: Admission = FREE,
) -> bool:
    """Tell whether a key is valid, and count a use of it or a refusal.

    `admission` says whether a use of it is left. Addresses are not checked: the caller that
    introspects a key is not the one that uses it. A key that introspects itself has been counted as
    the caller.
    """
    if key.allowed_ips:
        key = replace(key, allowed_ips=())
    question, now = Question(), engine.clock.now()
    code = refusal(key, question, now) or admission.refused
    if key.id == caller_id:
        return code is None
    if code is None:
        usage.note(key.tenant_id, key.id, now, scope=USE)
        return True
    usage.deny(key.tenant_id, key.id, now, code)
    deny(engine, key, question, code, admission, request_id, now)
    return False


def described(key: Snapshot, issuer: str) -> dict[str, Any]:
    """Return the description of a valid key."""
    found: dict[str, Any] = {
        "active": True,
        "token_type": "api_key",
        "scope": " ".join(sorted(key.scopes)),
        "client_id": key.application_id or key.id,
        "sub": key.id,
        "jti": key.id,
        "iss": issuer,
        "tenant_id": key.tenant_id,
    }
    if key.ends_at is not None:
        found["exp"] = int(key.ends_at.timestamp())
    return found
