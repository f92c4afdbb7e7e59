"""Explain why a request was refused, or what a call would get without making it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from portal.database.actor import Actor
from portal.database.session import session
from portal.keys.decision.decision import VALID, Question
from portal.keys.models import ApiKey
from portal.keys.tables import KeyDenial
from portal.keys.verification.verifier import engine
from portal.keys.verification.verify import rehearse


@dataclass(frozen=True, slots=True)
class Explained:
    """The checks of one call in their order, and the result."""

    code: str
    checks: Sequence[Mapping[str, Any]]
    key_id: str | None
    at: datetime
    source: str | None = None
    request_id: str | None = None

    @property
    def is_valid(self) -> bool:
        """Tell whether the call is let through."""
        return self.code == VALID


def of_request(actor: Actor, request_id: str) -> Explained | None:
    """Return the checks of a refused request, of a key that the actor sees; None if they are not
    stored.

    An application's credential sees its own keys only, and no request with an unknown key.
    """
    actor.require("keys:read")
    waiting = engine().denials.waiting(actor.tenant_id, request_id)
    if waiting is not None:
        if not _sees(actor, waiting.key_id):
            return None
        checks = [check.document() for check in waiting.checks]
        return Explained(
            waiting.code, checks, waiting.key_id, waiting.denied_at, waiting.source, request_id
        )
    known = select(KeyDenial).where(
        KeyDenial.tenant_id == actor.tenant_id, KeyDenial.request_id == request_id
    )
    row = session.scalar(known)
    if row is None or not _sees(actor, row.key_id):
        return None
    return Explained(row.code, row.trace, row.key_id, row.denied_at, row.source, request_id)


def _sees(actor: Actor, key_id: str | None) -> bool:
    if actor.app_id is None:
        return True
    seen = ApiKey.seen_by(actor).where(ApiKey.id == key_id).with_only_columns(ApiKey.id)
    return session.scalar(seen) is not None


def recent(
    actor: Actor,
    key_id: str | None,
    most: int = 20,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Sequence[KeyDenial]:
    """Return the newest refusals of the tenant, or of one of its keys, in a time if it is given.
    For people only, who see all keys."""
    own = select(KeyDenial).where(KeyDenial.tenant_id == actor.tenant_id)
    if key_id:
        own = own.where(KeyDenial.key_id == key_id)
    if since:
        own = own.where(KeyDenial.denied_at >= since)
    if until:
        own = own.where(KeyDenial.denied_at < until)
    return session.scalars(own.order_by(KeyDenial.denied_at.desc()).limit(most)).all()


def what_if(record: ApiKey, question: Question) -> Explained:
    """Return every check of an imagined call with this key. Consumes nothing."""
    working = engine()
    key = working.look_up(record.key_hash)
    assert key is not None  # noqa: S101 - the record was read a moment ago
    verdict, _, checks = rehearse(working, key, question)
    return Explained(verdict, checks, record.id, working.clock.now())
