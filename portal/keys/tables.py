"""The tables in which verifying keys keeps its state: numbers, never texts that people wrote.

They are read and written by the functions in portal/migrations/functions/keys and a few statements
of this package; as models they are here so that the schema has one description. None is a record:
they have no version, and nobody edits them.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Numeric,
    SmallInteger,
    String,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.base import Base

PURPOSES = ("link", "replay")
LEAK_RESPONSES = ("notify", "block", "revoke")  # from the mildest to the strictest
LEAK_CASES = ("default", "github", "scanner", "user", "service", "virtual_llm")
Money = Numeric(18, 9)  # US dollars; a billionth is below the price of one token


def gone_with_its_key(name: str) -> ForeignKeyConstraint:
    """Return what is known of a key does not outlive it."""
    return ForeignKeyConstraint(
        ["tenant_id", "key_id"],
        ["api_key.tenant_id", "api_key.id"],
        name=name,
        ondelete="CASCADE",
    )


class KeyChangeSeq(Base):
    """The number of the newest change, in its only row: what a verifier must have seen."""

    __tablename__ = "key_change_seq"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default="true")
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


class KeyChange(Base):
    """The newest change of one key, or of an application that decides about keys."""

    __tablename__ = "key_change"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]


class KeyVerifier(Base):
    """A process that verifies keys, and the newest change that it has seen.

    It says VALID from memory for at most `stale_seconds` after `seen_at`; None for a process of a
    release that did not say so.
    """

    __tablename__ = "key_verifier"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    process: Mapped[int] = mapped_column(Integer)
    seq: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime]
    stale_seconds: Mapped[float | None] = mapped_column(Double)


class KeyAcknowledgement(Base):
    """When a verifier had seen a change: the proof that a revocation arrived."""

    __tablename__ = "key_acknowledgement"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    verifier_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    seen_at: Mapped[datetime]


class KeyRate(Base):
    """The requests and tokens of a key that were lent in the last minute, by slots of two seconds.

    `requests` and `tokens` have 35 slots each, the last of which is `newest`; see rate_at. They are
    written without waiting for the disk: a crash of PostgreSQL forgets the newest half second.
    """

    __tablename__ = "key_rate"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    newest: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requests: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    tokens: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")
    requests_sum: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_sum: Mapped[int] = mapped_column(BigInteger, server_default="0")

    def counted_at(self, now: datetime) -> tuple[int, int]:
        """Return the requests and tokens that count for a call at this moment."""
        passed = max(0, int(now.timestamp() // 2) + 4 - self.newest)
        return sum(self.requests[passed:]), sum(self.tokens[passed:])


class KeyWindow(Base):
    """What the release before counts with; dropped in the next one. UNLOGGED."""

    __tablename__ = "key_window"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    bucket: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requests: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requests_before: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_before: Mapped[int] = mapped_column(BigInteger, server_default="0")


class KeyBudget(Base):
    """What a family of keys (a key and those that replaced it) spent and holds in its period."""

    __tablename__ = "key_budget"
    __table_args__ = (CheckConstraint("reserved_usd >= 0", name="reserved"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    family_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime | None]
    spent_usd: Mapped[Decimal] = mapped_column(Money, server_default="0")
    reserved_usd: Mapped[Decimal] = mapped_column(Money, server_default="0")
    announced_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")


class SpendReservation(Base):
    """Money held for a call that runs: settled by what it came to, or given back when it is due.

    With a `secret` it is a slice: money lent to a process, which hands it on in pieces
    (budget_leases.py).
    """

    __tablename__ = "spend_reservation"
    __table_args__ = (
        Index(
            "ix_spend_reservation_due",
            "tenant_id",
            "family_id",
            "expires_at",
            postgresql_where="released_at IS NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40))
    family_id: Mapped[str] = mapped_column(String(40))
    period_start: Mapped[datetime]
    usd: Mapped[Decimal] = mapped_column(Money)
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    bucket: Mapped[int] = mapped_column(BigInteger)
    expires_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    secret: Mapped[bytes | None] = mapped_column(LargeBinary)


class SpendLedger(Base):
    """What was spent, a line each, never altered: every counter can be added up from it."""

    __tablename__ = "spend_ledger"
    __table_args__ = (
        CheckConstraint("kind IN ('settled', 'usage', 'released', 'expired')", name="kind"),
        Index("ix_spend_ledger_key", "tenant_id", "key_id", "noted_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    key_id: Mapped[str] = mapped_column(String(40))
    family_id: Mapped[str] = mapped_column(String(40))
    period_start: Mapped[datetime]
    cost_usd: Mapped[Decimal] = mapped_column(Money)
    reserved_usd: Mapped[Decimal | None] = mapped_column(Money)
    tokens: Mapped[int | None] = mapped_column(BigInteger)
    model: Mapped[str | None] = mapped_column(String(120))
    noted_at: Mapped[datetime]


class UnknownKeySource(Base):
    """How many unknown keys were tried from a network in a minute. Of no tenant, and UNLOGGED."""

    __tablename__ = "unknown_key_source"

    source: Mapped[str] = mapped_column(String(50), primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(Integer)


class KeyDenial(Base):
    """Why a call was refused: the checks in their order, found by the request's id."""

    __tablename__ = "key_denial"
    __table_args__ = (
        Index("ix_key_denial_age", "tenant_id", "denied_at"),
        Index("ix_key_denial_key", "tenant_id", "key_id", "denied_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    denied_at: Mapped[datetime]
    key_id: Mapped[str | None] = mapped_column(String(40))
    code: Mapped[str] = mapped_column(String(20))
    source: Mapped[str | None] = mapped_column(String(60))
    trace: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class KeyUse(Base):
    """How often, by the hour, a key was used: in all, and by source, scope and refusal."""

    __tablename__ = "key_use"
    __table_args__ = (Index("ix_key_use_age", "tenant_id", "hour"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    aspect: Mapped[str] = mapped_column(String(10), primary_key=True)
    what: Mapped[str] = mapped_column(String(200), primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime]


class KeyRotation(Base):
    """One key follows another; `finish_at` is None while it waits until the old one is quiet."""

    __tablename__ = "key_rotation"
    __table_args__ = (
        Index(
            "ix_key_rotation_running",
            "tenant_id",
            "started_at",
            postgresql_where="finished_at IS NULL",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    old_key_id: Mapped[str] = mapped_column(String(40))
    new_key_id: Mapped[str] = mapped_column(String(40))
    overlap: Mapped[str] = mapped_column(String(20))
    started_at: Mapped[datetime]
    finish_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]

    def quiet_since(self, last_used_at: datetime | None) -> datetime:
        """Since when nobody has used the old key, which was used last at this moment."""
        return max(self.started_at, last_used_at or self.started_at)


class TokenSigningKey(Base):
    """A key that signs the portal's own tokens; the newest one signs, all of them verify."""

    __tablename__ = "token_signing_key"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SealedKey(Base):
    """A key sealed under a secret that is not stored: of a one-time link, or of the very form that
    issued it. `secret_hash` (hex SHA-256) finds it; the row is deleted when it is opened."""

    __tablename__ = "sealed_key"
    __table_args__ = (
        CheckConstraint(f"purpose IN {PURPOSES}", name="purpose"),
        gone_with_its_key("fk_sealed_key_key"),
        Index("uq_sealed_key_secret_hash", "secret_hash", unique=True),
        Index("ix_sealed_key_key", "tenant_id", "key_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40))
    purpose: Mapped[str] = mapped_column(String(10))
    secret_hash: Mapped[str] = mapped_column(String(64))
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_by: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime]


class KeyLeak(Base):
    """A place where a key was found in public, told once; `digest` (hex SHA-256) tells places
    apart, and `response` is what was done. Settled when a person has dealt with it."""

    __tablename__ = "key_leak"
    __table_args__ = (
        CheckConstraint(f"response IN {LEAK_RESPONSES}", name="response"),
        gone_with_its_key("fk_key_leak_key"),
        Index("ix_key_leak_age", "tenant_id", "reported_at"),
        Index(
            "ix_key_leak_open", "tenant_id", "reported_at", postgresql_where="settled_at IS NULL"
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    reporter: Mapped[str] = mapped_column(String(20))
    place: Mapped[str | None] = mapped_column(String(40))
    url: Mapped[str | None] = mapped_column(String(2000))
    response: Mapped[str] = mapped_column(String(10))
    reported_at: Mapped[datetime] = mapped_column(server_default=func.now())
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str | None] = mapped_column(String(80))


class KeyLeakPolicy(Base):
    """What a tenant wants done about a reported leak: by who reports it, or by the key's kind."""

    __tablename__ = "key_leak_policy"
    __table_args__ = (
        CheckConstraint(f"about IN {LEAK_CASES}", name="about"),
        CheckConstraint(f"response IN {LEAK_RESPONSES}", name="response"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    about: Mapped[str] = mapped_column(String(20), primary_key=True)
    response: Mapped[str] = mapped_column(String(10))


class KeyNotice(Base):
    """That something was told of a key ahead of time; another expiry, or a use in between, is
    another `about` and is told anew."""

    __tablename__ = "key_notice"
    __table_args__ = (gone_with_its_key("fk_key_notice_key"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    about: Mapped[datetime] = mapped_column(primary_key=True)
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())


class KeyConcern(Base):
    """That a key has a weakness which costs too much to be found while somebody waits: the worker
    looks for it."""

    __tablename__ = "key_concern"
    __table_args__ = (gone_with_its_key("fk_key_concern_key"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    concern: Mapped[str] = mapped_column(String(20), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
