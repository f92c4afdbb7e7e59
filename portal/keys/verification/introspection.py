"""Describe what is behind a key in the words of RFC 7662."""

from datetime import datetime
from typing import Any

from portal.keys.decision.decision import Question, refusal
from portal.keys.decision.snapshot import Snapshot


def introspection(key: Snapshot, issuer: str, now: datetime) -> dict[str, Any] | None:
    """Return what a key is good for; None if it does not hold. Addresses are not looked at: who
    introspects is not who calls."""
    if refusal(key, Question(), now) not in (None, "IP_FORBIDDEN"):
        return None
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
    if key.expires_at is not None:
        found["exp"] = int(key.expires_at.timestamp())
    return found
