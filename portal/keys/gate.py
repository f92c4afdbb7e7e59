"""Who calls with an API key: the hot path of every request by key, two steps and one round trip.

A made-up or mistyped key is refused by its checksum, without asking the database. What is known of
a key is a `Facts`; whether it opens is decided on them at each call, so nothing can be stale: a key
that was revoked is refused at its next request.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import column, text

from portal.applications.models import STOPPED
from portal.db import Actor, Origin, entered, session
from portal.identity.claims import ALL_SCOPES
from portal.keys.format import digest, is_well_formed
from portal.keys.usage import usage


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides about a key, as the database had it at `asked_at`."""

    tenant_id: str
    id: str
    name: str
    scopes: list[str]
    blocked: bool
    revoked_at: datetime | None
    expires_at: datetime | None
    application_id: str | None
    application_slug: str | None
    application_status: str | None
    asked_at: datetime


# Finds the key, enters its tenant and finds its application; see migrations/versions/0007.
FIND = text("SELECT * FROM find_api_key(:digest)").columns(
    *(column(field) for field in Facts.__dataclass_fields__)
)


def authenticate_key(token: str, origin: Origin) -> Actor | None:
    """The actor that a raw key speaks for, its tenant entered; None for every key that does not
    hold, whatever the reason: the caller learns no more than that."""
    if not is_well_formed(token):
        return None
    facts = find_key(token)
    if facts is None or refusal(facts, facts.asked_at) is not None:
        return None
    entered(facts.tenant_id)
    usage.note(facts.tenant_id, facts.id, facts.asked_at)
    return Actor(
        tenant_id=facts.tenant_id,
        kind="application",
        id=facts.id,
        name=facts.name,
        scopes=ALL_SCOPES.intersection(facts.scopes),
        app_id=facts.application_slug,
        application_id=facts.application_id,
        origin=origin,
    )


def find_key(token: str) -> Facts | None:
    """What the database knows of a key, by its hash; the running transaction enters its tenant."""
    row = session.connection().execute(FIND, {"digest": digest(token)}).first()
    return None if row is None else Facts(*row)


def refusal(facts: Facts, now: datetime) -> str | None:
    """Why the key does not open at this moment, for the people who own it; None if it does."""
    if facts.revoked_at is not None:
        return "REVOKED"
    if facts.blocked:
        return "BLOCKED"
    if facts.expires_at is not None and facts.expires_at <= now:
        return "EXPIRED"
    if facts.application_status in STOPPED:
        return "APP_INACTIVE"
    return None
