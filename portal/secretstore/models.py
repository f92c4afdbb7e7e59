"""Define the tables of the embedded store. Only `embedded_store` and `datakeys` use them."""

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
    """One secret and the number of its newest version. The number never decreases."""

    __tablename__ = "secret"

    tenant_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    slot: Mapped[str] = mapped_column(String(64), primary_key=True)
    current_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class DataKey(Base):
    """A tenant's key for its secrets, wrapped by the store key `store_key_id`.

    Without a tenant's data keys its secrets are unreadable for ever, wherever a copy of the
    ciphertext may be.
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
    """The ciphertext of one version, bound to its place (see `portal.secretstore.crypto.Place`)."""

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
    """A store key that wraps data keys here, of any tenant. Its id reveals nothing about the key.

    These rows are checked at the start: for a process without every one of these keys, the store is
    locked. `used_at` is the time of the first use. A key's row is deleted when the change to
    another key is finished. The table belongs to no tenant, so that it can be read before a tenant
    is known.
    """

    __tablename__ = "store_key_use"

    store_key_id: Mapped[str] = mapped_column(String(16), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(server_default=func.now())
