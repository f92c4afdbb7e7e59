"""Tables of the embedded store. Only `portal.secretstore.embedded_store` reads and writes them."""

from datetime import datetime

from sqlalchemy import (
    Boolean,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.base import Base


class StoredSecret(Base):
    """One secret and the number of its newest version, whose counter never goes back."""

    __tablename__ = "secret"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[str] = mapped_column(String(64), primary_key=True)
    current_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DataKey(Base):
    """A tenant's key for its secrets, wrapped by the store key `store_key_id`.

    Once a tenant's data keys are gone its secrets are unreadable for ever, wherever a copy of the
    ciphertext may still be.
    """

    __tablename__ = "data_key"
    __table_args__ = (
        Index(
            "uq_data_key_active",
            "tenant_id",
            unique=True,
            postgresql_where=text("active"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    store_key_id: Mapped[str] = mapped_column(String(16))
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    active: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class SecretVersion(Base):
    """One version's ciphertext, bound to its place (see `portal.secretstore.crypto.Place`)."""

    __tablename__ = "secret_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "kind", "owner_id", "slot"],
            ["secret.tenant_id", "secret.kind", "secret.owner_id", "secret.slot"],
            name="fk_secret_version_secret",
            ondelete="CASCADE",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "data_key_id"],
            ["data_key.tenant_id", "data_key.id"],
            name="fk_secret_version_data_key",
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    data_key_id: Mapped[str] = mapped_column(String(40))
    nonce: Mapped[bytes] = mapped_column(LargeBinary)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    deleted_at: Mapped[datetime | None]


class StoreKeyUse(Base):
    """Which store keys wrap something here, of any tenant; an id says nothing of its key.

    The rows are the start-up check: to a process that does not hold every one of these keys the
    store is locked. `used_at` is when the first use was. A key's row goes when the change to
    another one is finished. Belongs to no tenant, so that it can be read before one is known.
    """

    __tablename__ = "store_key_use"

    store_key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(server_default=func.now())
