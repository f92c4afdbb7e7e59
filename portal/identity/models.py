"""The tables of tenants, people, sessions, logout tokens and sign-in limits."""

import re
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    Select,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.session import CONSTRAINTS

KEY_CODE = re.compile(r"[a-z0-9]{4}")
# API keys of other vendors begin with these words: sk-proj-, sk-live-, sk-test-. `none` and `admn`
# are reserved for the portal.
RESERVED_KEY_CODES = frozenset({"proj", "live", "test", "none", "admn"})


class Tenant(Base):
    """A customer of the platform. The directory of tenants is the one table without a tenant.

    `id` is the value of the identity provider's tenant claim. `key_code` is the immutable part of
    every API key of the tenant, `sk-<key_code>-…`. `time_zone` (IANA) decides when its days begin.
    """

    __tablename__ = "tenant"
    __table_args__ = (CheckConstraint("key_code ~ '^[a-z0-9]{4}$'", name="key_code_format"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    slug: Mapped[str] = mapped_column(String(63), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    key_code: Mapped[str] = mapped_column(String(4), unique=True)
    time_zone: Mapped[str] = mapped_column(String(60), server_default="UTC")
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Person(Base):
    """A person who has signed in to a tenant, identified by (issuer, subject) and never by email.

    `email` is set only if the provider has verified it. Raising `auth_version` ends every session
    that began under a lower one. Access tokens from before `sessions_ended_at` are refused.
    """

    __tablename__ = "person"
    noun: ClassVar[str] = "person"
    id_prefix: ClassVar[str] = "per"
    __table_args__ = (
        UniqueConstraint("tenant_id", "issuer", "subject", name="uq_person_subject"),
        CheckConstraint("role IN ('viewer', 'editor', 'admin')", name="role"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    issuer: Mapped[str] = mapped_column(String(500))
    subject: Mapped[str] = mapped_column(String(255))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str | None] = mapped_column(String(320))
    role: Mapped[str] = mapped_column(String(20))
    groups: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    auth_version: Mapped[int] = mapped_column(Integer, server_default="1")
    sessions_ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """Select the people of the actor's tenant."""
        return select(cls).where(cls.tenant_id == actor.tenant_id)


class WebSession(Base):
    """The session of one person in one browser. Only the SHA-256 of its 256-bit token is stored.

    `sid_key` and `subject_key` are digests of the provider's ids for the session and the person: a
    back-channel logout presents these ids before the tenant is known. `id_token` is sealed and is
    used only for the logout at the provider. `kept_act` is a form that waits until the person has
    signed in again.
    """

    __tablename__ = "web_session"
    __table_args__ = (
        UniqueConstraint("tenant_id", "token_hash", name="uq_web_session_token"),
        ForeignKeyConstraint(
            ["tenant_id", "person_id"],
            ["person.tenant_id", "person.id"],
            name="fk_web_session_person",
            ondelete="CASCADE",
        ),
        Index("ix_web_session_person", "tenant_id", "person_id", "created_at"),
        Index("ix_web_session_sid", "sid_key"),
        Index("ix_web_session_subject", "subject_key"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(String(40))
    token_hash: Mapped[str] = mapped_column(String(64))
    sid_key: Mapped[str | None] = mapped_column(String(64))
    subject_key: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(20))
    groups: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    auth_version: Mapped[int] = mapped_column(Integer)
    auth_time: Mapped[datetime | None]
    acr: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    revoked_at: Mapped[datetime | None]
    ip: Mapped[str | None] = mapped_column(String(60))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    id_token: Mapped[str | None] = mapped_column(Text, deferred=True)
    kept_act: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True), deferred=True)
    act_kept_at: Mapped[datetime | None] = mapped_column(deferred=True)


class SeenLogoutToken(Base):
    """A logout token that was accepted, stored to refuse its replay. It belongs to no tenant."""

    __tablename__ = "seen_logout_token"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SignInPace(Base):
    """The moment when an address or an account has its full sign-in allowance again.

    `digest` is a keyed digest of the address or account. The table has no tenant, because nobody
    has signed in yet.
    """

    __tablename__ = "sign_in_pace"
    __table_args__ = (Index("ix_sign_in_pace_rested", "rested_at"),)

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    rested_at: Mapped[datetime] = mapped_column()


CONSTRAINTS |= {
    "uq_tenant_slug": ("slug", "Another tenant has this slug."),
    "uq_tenant_key_code": ("key_code", "Another tenant has this key code."),
    "pk_tenant": ("id", "There is a tenant of this id already."),
}
