"""The tables that hold the state of key verification, and of the use, rotation and leaks of keys.

The functions in portal/migrations/functions/keys and a few statements of this package read and
write them. They are models here so that the schema has one description. None is a record: they have
no version.
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
    """Return a foreign key to api_key that deletes the row together with its key."""
    return ForeignKeyConstraint(
        ["tenant_id", "key_id"],
        ["api_key.tenant_id", "api_key.id"],
        name=name,
        ondelete="CASCADE",
    )


class KeyScope(Base):
    """One scope of a key, in a row of its own, to find it by equality.

    A trigger writes it with the key, whose scopes never change.
    """

    __tablename__ = "api_key_scope"
    __table_args__ = (
        gone_with_its_key("fk_api_key_scope_key"),
        Index("ix_api_key_scope_key", "tenant_id", "key_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    scope: Mapped[str] = mapped_column(String(80), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)


class KeyChangeSeq(Base):
    """The number of the newest change, in the only row.

    A verifier must have received all changes up to this number.
    """

    __tablename__ = "key_change_seq"
    __table_args__ = (CheckConstraint("one", name="one"),)

    one: Mapped[bool] = mapped_column(Boolean, primary_key=True, server_default="true")
    seq: Mapped[int] = mapped_column(BigInteger, server_default="0")


class KeyChange(Base):
    """The newest change of one key, or of an application that affects keys."""

    __tablename__ = "key_change"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]


class KeyVerifier(Base):
    """A process that verifies keys, and the newest change that it has received.

    It answers VALID from memory for at most `stale_seconds` after `seen_at`. `stale_seconds` is
    None for a process of a release that did not store it.
    """

    __tablename__ = "key_verifier"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    host: Mapped[str] = mapped_column(String(200))
    process: Mapped[int] = mapped_column(Integer)
    seq: Mapped[int] = mapped_column(BigInteger)
    seen_at: Mapped[datetime]
    stale_seconds: Mapped[float | None] = mapped_column(Double)


class KeyAcknowledgement(Base):
    """The time when a verifier had received a change, which proves that a revocation arrived."""

    __tablename__ = "key_acknowledgement"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    verifier_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    seen_at: Mapped[datetime]


class KeyRate(Base):
    """The requests and tokens of a key that were leased in the last minute, by slots of two
    seconds.

    `requests` and `tokens` have 35 slots each; `newest` is the number of the last one (see
    rate_at). They are written without waiting for the disk, so a crash of PostgreSQL loses the
    newest half second.
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
    """The counters of the previous release, which the next release drops.

    The table is UNLOGGED.
    """

    __tablename__ = "key_window"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    bucket: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requests: Mapped[int] = mapped_column(BigInteger, server_default="0")
    requests_before: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens: Mapped[int] = mapped_column(BigInteger, server_default="0")
    tokens_before: Mapped[int] = mapped_column(BigInteger, server_default="0")


class KeyBudget(Base):
    """The money that a family of keys has spent and reserved in its current period.

    A family is a key, its children and those that replaced it; each may have another maximum.
    `announced_by_budget` has the highest percentage that was announced in this period of each of
    these amounts; it is None in a row of the release before until its period ends.
    `announced_percent` is the highest that is spent of any of them. From `next_notice_usd` on there
    is something to announce: 0 if the next payment has to look, None for nothing. `previous_…` is
    the period before: touch_budget goes back to it if the clock turns out to have been ahead.
    """

    __tablename__ = "key_budget"
    __table_args__ = (
        CheckConstraint("reserved_usd >= 0", name="reserved"),
        Index(
            "ix_key_budget_used_up",
            "tenant_id",
            "family_id",
            postgresql_where="announced_percent >= 100",
        ),
        Index(
            "ix_key_budget_nearly_used_up",
            "tenant_id",
            "family_id",
            postgresql_where="announced_percent >= 80",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    family_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    period_start: Mapped[datetime]
    period_end: Mapped[datetime | None]
    spent_usd: Mapped[Decimal] = mapped_column(Money, server_default="0")
    reserved_usd: Mapped[Decimal] = mapped_column(Money, server_default="0")
    announced_percent: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    announced_by_budget: Mapped[dict[str, int] | None] = mapped_column(JSONB, server_default="{}")
    next_notice_usd: Mapped[Decimal | None] = mapped_column(Money, server_default="0")
    previous_start: Mapped[datetime | None]
    previous_spent_usd: Mapped[Decimal | None] = mapped_column(Money)


class SpendReservation(Base):
    """Money that is reserved for a running call, until the call is settled or the reservation
    expires.

    A row with a `secret` is a slice: money leased to a process, which reserves it for calls in
    pieces (budget_leases.py).
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
    """The costs, one line each, never changed.

    `period_start` is the period that a line counted in when it was written. A budget that was moved
    to another period since goes on counting it, and so does one whose period a clock that was ahead
    had begun too early. `reserved_usd` is what was held for the call until then: NULL for a usage,
    and for a reservation that had been released.
    """

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
    """The number of unknown keys that were tried from one source in a minute.

    The source is a network of callers, or the hash of one that a tenant reports. The record
    belongs to no tenant, and the table is UNLOGGED.
    """

    __tablename__ = "unknown_key_source"

    source: Mapped[str] = mapped_column(String(50), primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger)
    failures: Mapped[int] = mapped_column(Integer)


class KeyDenial(Base):
    """The checks of a refused call in their order, found by the request id."""

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
    """The number of uses of a key in an hour: in total, and by source, scope and refusal."""

    __tablename__ = "key_use"
    __table_args__ = (Index("ix_key_use_age", "tenant_id", "hour"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    aspect: Mapped[str] = mapped_column(String(10), primary_key=True)
    what: Mapped[str] = mapped_column(String(200), primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime]


class KeyHour(Base):
    """The calls of all keys of a tenant in an hour, and those that were refused.

    Each process adds to the row of its slot, so that few wait for each other.
    """

    __tablename__ = "key_hour"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    calls: Mapped[int] = mapped_column(BigInteger, server_default="0")
    denials: Mapped[int] = mapped_column(BigInteger, server_default="0")


class KeyRotation(Base):
    """A rotation from one key to another.

    `finish_at` is None if the rotation waits until the old key is no longer used.
    """

    __tablename__ = "key_rotation"
    __table_args__ = (
        Index(
            "ix_key_rotation_running",
            "tenant_id",
            "started_at",
            postgresql_where="finished_at IS NULL",
        ),
        Index(
            "ix_key_rotation_old",
            "tenant_id",
            "old_key_id",
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
        """Return the time since which nobody has used the old key, given its last use."""
        return max(self.started_at, last_used_at or self.started_at)


class TokenSigningKey(Base):
    """A key for the portal's own tokens.

    The newest one signs, once it has been published for some time; all of them verify.
    """

    __tablename__ = "token_signing_key"

    id: Mapped[str] = mapped_column(String(60), primary_key=True)
    public_jwk: Mapped[dict[str, Any]] = mapped_column(JSONB)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SealedKey(Base):
    """A raw key, encrypted with a secret that is not stored.

    The secret is that of a one-time link, or of the form that issued the key. `secret_hash` (hex
    SHA-256) finds the row. Opening a one-time link deletes its row.
    """

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
    """A place where a key was found in public, reported once.

    `digest` (hex SHA-256) identifies the place and its reporter, `response` is the action that was
    taken. It is settled when a person has dealt with it.
    """

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
    """The response to a leak that a tenant has chosen, by its reporter or by the key's kind."""

    __tablename__ = "key_leak_policy"
    __table_args__ = (
        CheckConstraint(f"about IN {LEAK_CASES}", name="about"),
        CheckConstraint(f"response IN {LEAK_RESPONSES}", name="response"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    about: Mapped[str] = mapped_column(String(20), primary_key=True)
    response: Mapped[str] = mapped_column(String(10))


class KeyNotice(Base):
    """A notice about a key that was sent once.

    Another expiry date, or a use in between, makes another `about` and so another notice.
    """

    __tablename__ = "key_notice"
    __table_args__ = (gone_with_its_key("fk_key_notice_key"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    what: Mapped[str] = mapped_column(String(20), primary_key=True)
    about: Mapped[datetime] = mapped_column(primary_key=True)
    told_at: Mapped[datetime] = mapped_column(server_default=func.now())


class KeyConcern(Base):
    """A weakness of a key that the worker looks for, because a request cannot wait for the
    search."""

    __tablename__ = "key_concern"
    __table_args__ = (gone_with_its_key("fk_key_concern_key"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    concern: Mapped[str] = mapped_column(String(20), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
