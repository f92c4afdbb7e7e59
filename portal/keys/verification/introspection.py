"""Describe a key in the format of RFC 7662."""

from datetime import datetime
from typing import Any

from portal.keys.decision.decision import Question, refusal
from portal.keys.decision.snapshot import Snapshot


def introspection(key: Snapshot, issuer: str, now: datetime) -> dict[str, Any] | None:
    """Return the description of a key; None if the key is not valid.

    Addresses are not checked: the caller that introspects a key is not the one that uses it.
    """
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
    if key.ends_at is not None:
        found["exp"] = int(key.ends_at.timestamp())
    return found
