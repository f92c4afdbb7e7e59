"""Retry a POST without doing it twice (draft-ietf-httpapi-idempotency-key-header).

The row is claimed in the transaction of the work itself: a second request with the same key waits
for the first to end and then gets its answer; if the first failed, nothing of it is left and the
second does the work. A one-time secret is not part of the stored answer.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Index, LargeBinary, String, delete, func, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.config import running
from portal.core.errors import Conflict, FieldError, Invalid
from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.session import session

KEEP = timedelta(hours=24)
MAX_LENGTH = 255


class IdempotencyKey(Base):
    """A key that a caller used, what it asked with it, and the answer that it got."""

    __tablename__ = "idempotency_key"
    __table_args__ = (Index("ix_idempotency_key_age", "tenant_id", "created_at"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    actor_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int | None]
    location: Mapped[str | None] = mapped_column(String(200))
    answer: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


@dataclass(frozen=True, slots=True)
class Answer:
    """What was said the first time."""

    status: int
    document: dict[str, Any] | None
    location: str | None


def fingerprints(method: str, path: str, body: bytes) -> list[bytes]:
    """Return fingerprints that are equal for the same request, one for each secret key. Store the
    first; compare with all.

    They are keyed, because a body may hold a password that could be guessed from a plain hash of
    it.
    """
    return running().secret_key.digests(b"\0".join([method.encode(), path.encode(), body]))


def claim(actor: Actor, key: str, asked: list[bytes]) -> Answer | None:
    """Return none if the work is ours to do, else the answer of the request that did it.

    Waits while another request with the same key runs. Raises Invalid when the key was used for
    another request, and Conflict when the first one let go of its transaction (it sends something
    to the outside) and has not come to its end.
    """
    if not (key.strip() and key.isprintable() and key.isascii() and len(key) <= MAX_LENGTH):
        raise Invalid.field("Idempotency-Key", f"Use 1 to {MAX_LENGTH} printable characters.")
    identity = {"tenant_id": actor.tenant_id, "actor_id": actor.id, "key": key}
    claimed = session.execute(
        insert(IdempotencyKey)
        .values(**identity, fingerprint=asked[0])
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    ).first()
    if claimed:
        return None
    stored = session.execute(select(IdempotencyKey).filter_by(**identity)).scalar_one()
    if bytes(stored.fingerprint) not in asked:
        message = "This key was used for another request. Use a new one for each request."
        raise Invalid([FieldError("Idempotency-Key", message)])
    if stored.status is None:
        raise Conflict("A request with this key was begun and has not been answered yet.")
    return Answer(stored.status, stored.answer, stored.location)


def remember(actor: Actor, key: str, answer: Answer) -> None:
    """Keep the answer, without secrets, beside the work that it tells of."""
    session.execute(
        update(IdempotencyKey)
        .filter_by(tenant_id=actor.tenant_id, actor_id=actor.id, key=key)
        .values(status=answer.status, answer=answer.document, location=answer.location)
    )


def forget_about(tenant_id: str, subject: str) -> None:
    """Drop the keys whose answers tell of a subject: asked again, there is nothing any more."""
    session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.tenant_id == tenant_id,
            IdempotencyKey.answer["subject"].astext == subject,
        )
    )


def forget_old(tenant_id: str) -> int:
    """Housekeeping: drop the keys of one tenant that are older than KEEP."""
    old = delete(IdempotencyKey).where(
        IdempotencyKey.tenant_id == tenant_id, IdempotencyKey.created_at < func.now() - KEEP
    )
    return len(session.execute(old.returning(IdempotencyKey.key)).all())
