"""The tables of leases, and of what the secret store holds for them."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.connections.models import OUTCOMES
from portal.database.base import Base
from portal.database.record import BelowRecord
from portal.secretstore import SecretRef

STATES = ("due", "fetching", "ready", "failed", "off")
KINDS = ("token", "credentials")
FAILURES = tuple(outcome for outcome in OUTCOMES if outcome not in ("passed", "unproven"))


class ConnectorAccess(Base):
    """The state of what a connector hands out, and when a worker looks at it next.

    `slot_version` is the version of the slot `lease` that may be handed out, None if there is none;
    it belongs to `credential_version`. `due_at` is when a worker may take the row: at once, to
    renew, to try again, or, while a worker has it, when another may; None for not before something
    changes. `attempt` is the fence: a higher number voids the result of an earlier worker.
    `failures` counts those in a row, `outcome` and `said` are of the last one.
    """

    __tablename__ = "connector_access"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"outcome IN {FAILURES}", name="outcome"),
        ForeignKeyConstraint(
            ["tenant_id", "connector_id"],
            ["connector.tenant_id", "connector.id"],
            name="fk_connector_access_connector",
            ondelete="CASCADE",
        ),
        Index("ix_connector_access_due", "due_at", postgresql_where=text("due_at IS NOT NULL")),
        Index(
            "ix_connector_access_tenant_due",
            "tenant_id",
            "due_at",
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connector_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    state: Mapped[str] = mapped_column(String(10), server_default="due")
    kind: Mapped[str | None] = mapped_column(String(12))
    credential_version: Mapped[int | None] = mapped_column(Integer)
    slot_version: Mapped[int | None] = mapped_column(Integer)
    token_expires_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None] = mapped_column(server_default=func.now())
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    failures: Mapped[int] = mapped_column(Integer, server_default="0")
    outcome: Mapped[str | None] = mapped_column(String(20))
    said: Mapped[str] = mapped_column(Text, server_default="")
    fetched_at: Mapped[datetime | None]


class ConnectorLease(BelowRecord):
    """One lease: which key of which application got which version of a connector's secret, when.

    It stays when the connector or the key is deleted for good, until it is old.
    """

    __tablename__ = "connector_lease"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        Index("ix_connector_lease_connector", "tenant_id", "connector_id", "id"),
        Index("ix_connector_lease_made", "tenant_id", "created_at"),
    )
    id_prefix: ClassVar[str] = "lse"
    noun: ClassVar[str] = "lease"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connector_id: Mapped[str] = mapped_column(String(40))
    key_id: Mapped[str] = mapped_column(String(40))
    application_id: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12))
    credential_version: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


def slot_of(tenant_id: str, connector_id: str) -> SecretRef:
    """Return the location of what a connector hands out."""
    return SecretRef(tenant_id, "connectors", connector_id, "lease")
