"""Define the audit log's table. The portal's role may add and read entries, not change them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import ColumnElement, Index, Select, String, func, not_, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.actor import Actor
from portal.database.audience import closed_to
from portal.database.base import Base


class AuditEntry(Base):
    """An entry about one action: actor, record, origin and changes. Partitioned by month."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_record", "tenant_id", "record_id", "occurred_at", "id"),
        Index("ix_audit_entry_actor", "tenant_id", "actor_id", "occurred_at", "id"),
        Index("ix_audit_entry_action", "tenant_id", "action", "occurred_at", "id"),
        Index(
            "ix_audit_entry_request",
            "tenant_id",
            "request_id",
            postgresql_where=text("request_id IS NOT NULL"),
        ),
        {"postgresql_partition_by": "RANGE (occurred_at)"},
    )
    id_prefix: ClassVar[str] = "aud"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    occurred_at: Mapped[datetime] = mapped_column(primary_key=True, server_default=func.now())
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    action: Mapped[str] = mapped_column(String(60))
    record_kind: Mapped[str] = mapped_column(String(40))
    record_id: Mapped[str] = mapped_column(String(60))
    record_name: Mapped[str] = mapped_column(String(200), server_default="")
    actor_kind: Mapped[str] = mapped_column(String(20))
    actor_id: Mapped[str] = mapped_column(String(80))
    actor_name: Mapped[str] = mapped_column(String(200))
    changes: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    ip: Mapped[str | None] = mapped_column(String(60))
    user_agent: Mapped[str | None] = mapped_column(String(300))
    request_id: Mapped[str | None] = mapped_column(String(60))

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """Select the entries of the tenant that the actor may know of."""
        return select(cls).where(cls.tenant_id == actor.tenant_id, *cls.known_to(actor, cls))

    @staticmethod
    def known_to(actor: Actor, entry: Any) -> Sequence[ColumnElement[bool]]:
        """Return the condition that the actor may know of an entry: an admin of every one, others
        not of those about a record that is closed to them."""
        return () if actor.is_admin else (not_(closed_to(actor, entry.record_id)),)
