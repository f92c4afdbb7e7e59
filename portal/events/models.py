"""The tables of events, of publishers' event ids, of event types and of event settings."""

from datetime import datetime
from typing import Any, ClassVar, Self

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Computed,
    Index,
    Select,
    String,
    Text,
    UniqueConstraint,
    func,
    not_,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.actor import Actor
from portal.database.audience import closed_to
from portal.database.base import Base
from portal.database.json_values import Json
from portal.database.record import Record
from portal.database.session import CONSTRAINTS

VALIDATIONS = ("off", "reject")


class Event(Base):
    """An event. It never changes after it is published; it is deleted by subject or by age.

    Partitioned by day through its id, whose first characters are the time it was received.
    """

    __tablename__ = "event"
    __table_args__ = (
        Index("ix_event_type", "tenant_id", "type", "id"),
        Index(
            "ix_event_subject",
            "tenant_id",
            "subject",
            "id",
            postgresql_where=text("subject IS NOT NULL"),
        ),
        Index("ix_event_client_id", "tenant_id", "client_id"),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id_prefix: ClassVar[str] = "evt"
    noun: ClassVar[str] = "event"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str | None] = mapped_column(String(200))
    type: Mapped[str] = mapped_column(String(128))
    subject: Mapped[str | None] = mapped_column(String(200))
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.now())
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    application_id: Mapped[str | None] = mapped_column(String(40))
    app_id: Mapped[str | None] = mapped_column(String(80))
    actor_id: Mapped[str] = mapped_column(String(80))
    actor_name: Mapped[str] = mapped_column(String(200))
    # The only webhook that receives this event, which was made in the webhook's lab. No other
    # webhook gets it, not even in a replay.
    only_for: Mapped[str | None] = mapped_column(String(40))

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """Return the query for the actor's events: those of its application if it has one.

        What was published about a record leaves the list when the record is closed to the actor.
        """
        query = select(cls).where(cls.tenant_id == actor.tenant_id)
        query = query.where(not_(closed_to(actor, cls.subject)))
        return query if actor.app_id is None else query.where(cls.app_id == actor.app_id)


class EventKey(Base):
    """A publisher's own id of an event, unique in the tenant, which deduplicates publications.

    An application that repeats the id of another one's event is refused."""

    __tablename__ = "event_key"
    __table_args__ = (Index("ix_event_key_event", "tenant_id", "event_id"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(40))


class EventType(Record):
    """The description of an event type, for its subscribers."""

    __tablename__ = "event_type"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name", name="uq_event_type_name"),
        CheckConstraint("validation IN ('off', 'reject')", name="validation"),
        Index("ix_event_type_display_name", "tenant_id", "name_key", "id"),
        Index("ix_event_type_updated", "tenant_id", "updated_at", "id"),
        Index("ix_event_type_deleted", "tenant_id", "deleted_at", postgresql_where="is_deleted"),
    )
    id_prefix = "evy"
    noun = "event type"
    quota = "event_types"
    published_as = None

    name: Mapped[str] = mapped_column(String(128))
    display_name: Mapped[str] = mapped_column(String(200), server_default="")
    description: Mapped[str | None] = mapped_column(Text)
    json_schema: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))
    example: Mapped[dict[str, Any] | None] = mapped_column(Json(none_as_null=True))
    deprecated: Mapped[bool] = mapped_column(Boolean, server_default="false")
    validation: Mapped[str] = mapped_column(String(20), server_default="off")
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(name)", persisted=True))

    @property
    def label(self) -> str:
        return self.name

    def search_texts(self) -> tuple[str | None, ...]:
        return (self.name, self.display_name, self.description)


CONSTRAINTS |= {
    "uq_event_type_name": ("name", "Another event type of this tenant has this name."),
}


class EventSettings(Base):
    """A tenant's retention of events and deliveries, and the fields hidden from some readers."""

    __tablename__ = "event_settings"
    __table_args__ = (
        CheckConstraint("retention_days BETWEEN 1 AND 90", name="retention_days"),
        CheckConstraint("key_material IN ('mask', 'refuse')", name="key_material"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    retention_days: Mapped[int] = mapped_column(server_default="30")
    redacted_fields: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    # How API keys in published events are treated.
    key_material: Mapped[str] = mapped_column(String(10), server_default="mask")
