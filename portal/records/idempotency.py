"""Make it safe to retry a POST (draft-ietf-httpapi-idempotency-key-header).

The row is inserted in the transaction of the work itself. A second request with the same key waits
until the first one ends and then gets its response. If the first one failed, its row is rolled back
and the second one does the work. A one-time secret is not part of the stored response.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    Index,
    LargeBinary,
    String,
    Text,
    cast,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.config import running
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.key_shape import holds_key
from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.session import delete_some, session
from portal.records.quotas import stored_bytes
from portal.records.schemas import HOLDS_KEY

KEEP = timedelta(hours=24)
MAX_LENGTH = 255


class IdempotencyKey(Base):
    """An idempotency key that a caller used, with the request's fingerprint and the response.

    A trigger notes which events the response is about, and its subject.
    """

    __tablename__ = "idempotency_key"
    __table_args__ = (
        Index("ix_idempotency_key_age", "tenant_id", "created_at"),
        Index(
            "ix_idempotency_key_events",
            "event_ids",
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where="event_ids IS NOT NULL",
        ),
        Index(
            "ix_idempotency_key_subject",
            "tenant_id",
            "subject",
            postgresql_where="subject IS NOT NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    actor_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None]
    location: Mapped[str | None] = mapped_column(String(200))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    event_ids: Mapped[list[str] | None] = mapped_column(ARRAY(Text), deferred=True)
    subject: Mapped[str | None] = mapped_column(Text, deferred=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold the response to the first request."""

    status: int
    document: dict[str, Any] | None
    location: str | None


class OtherRequest(Invalid):
    """An idempotency key was used for another request."""


def fingerprints(method: str, path: str, body: bytes) -> list[bytes]:
    """Return fingerprints of a request, one for each secret key. Store the first; compare with all.

    They are keyed, because a body may contain a password that could be guessed from a plain hash.
    """
    return running().secret_key.digests(b"\0".join([method.encode(), path.encode(), body]))


def claim(actor: Actor, key: str, fingerprints: list[bytes]) -> Answer | None:
    """Claim a key. Return None if the work is still to be done, otherwise the first response.

    Wait while another request with the same key runs. Raise OtherRequest if the key was used for
    one. Raise Conflict if the first request has committed its claim (because it sends something
    to the outside) and has not finished.
    """
    if not (key.strip() and key.isprintable() and key.isascii() and len(key) <= MAX_LENGTH):
        raise Invalid.field("Idempotency-Key", f"Use 1 to {MAX_LENGTH} printable characters.")
    if holds_key(key):  # it is stored as it is
        raise Invalid.field("Idempotency-Key", HOLDS_KEY)
    identity = {"tenant_id": actor.tenant_id, "actor_id": actor.id, "key": key}
    claimed = session.execute(
        insert(IdempotencyKey)
        .values(**identity, fingerprint=fingerprints[0])
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).first()
    if claimed:
        return None
    stored = session.execute(select(IdempotencyKey).filter_by(**identity)).scalar_one()
    if bytes(stored.fingerprint) not in fingerprints:
        message = "This key was used for another request. Use a new one for each request."
        raise OtherRequest([FieldError("Idempotency-Key", message)])
    if stored.status is None:
        raise Conflict("A request with this key was begun and has not been answered yet.")
    return Answer(stored.status, stored.answer, stored.location)


def is_answered(actor: Actor, key: str, fingerprints: list[bytes]) -> bool:
    """Tell whether this request, with this key, has its response."""
    found = select(IdempotencyKey.fingerprint).where(
        IdempotencyKey.tenant_id == actor.tenant_id,
        IdempotencyKey.actor_id == actor.id,
        IdempotencyKey.key == key,
        IdempotencyKey.status.is_not(None),
    )
    stored = session.scalar(found)
    return stored is not None and bytes(stored) in fingerprints


def remember(actor: Actor, key: str, answer: Answer) -> None:
    """Store the response, without secrets, in the transaction of the work."""
    session.execute(
        update(IdempotencyKey)
        .filter_by(tenant_id=actor.tenant_id, actor_id=actor.id, key=key)
        .values(status=answer.status, answer=answer.document, location=answer.location)
    )


def forget_about(tenant_id: str, event_ids: Collection[str], subject: str | None) -> None:
    """Delete the keys whose responses are about these events, or about a subject: a retry then
    finds no stored data."""
    if not event_ids and subject is None:
        return
    found = func.answers_about(cast(list(event_ids), ARRAY(Text)), cast(subject, Text))
    answers = found.table_valued("actor_id", "key")
    session.execute(
        delete(IdempotencyKey)
        .where(
            IdempotencyKey.tenant_id == tenant_id,
            tuple_(IdempotencyKey.actor_id, IdempotencyKey.key).in_(
                select(answers.c.actor_id, answers.c.key)
            ),
        )
        .execution_options(synchronize_session=False)
    )


def forget_old(tenant_id: str) -> int:
    """Delete some keys of one tenant that are older than KEEP, and return how many."""
    gone = delete_some(
        IdempotencyKey,
        IdempotencyKey.tenant_id == tenant_id,
        IdempotencyKey.created_at < func.now() - KEEP,
    )
    if gone:
        stored_bytes.measure_soon(tenant_id)
    return gone
