"""What the console keeps beside the keys: sealed keys that wait for their reader, and a tenant's
answer to a leak."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, LargeBinary, String, func
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base

PURPOSES = ("link", "replay")
LEAK_ANSWERS = ("revoke", "block", "notify")


class SealedKey(Base):
    """A key sealed under a secret that is not stored: of a one-time link, or of the very form that
    issued it. `secret_hash` (hex SHA-256) finds it; the row is deleted when it is opened."""

    __tablename__ = "sealed_key"
    __table_args__ = (
        CheckConstraint(f"purpose IN {PURPOSES}", name="purpose"),
        ForeignKeyConstraint(
            ["tenant_id", "key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_sealed_key_key",
            ondelete="CASCADE",
        ),
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


class LeakPolicy(Base):
    """What happens to a key of this tenant that is found in public."""

    __tablename__ = "leak_policy"
    __table_args__ = (CheckConstraint(f"answer IN {LEAK_ANSWERS}", name="answer"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    answer: Mapped[str] = mapped_column(String(10), server_default="revoke")
    updated_by: Mapped[str | None] = mapped_column(String(80))
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
