"""Models of inbound webhooks: received requests, their marks, and simulated failures of the
inbox."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import (
    CheckConstraint,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.key_shape import masked, masked_bytes
from portal.database.base import Base
from portal.database.record import BelowRecord
from portal.webhooks.models import of_webhook

STATES = ("accepted", "quarantined")
KEEP_ACCEPTED, KEEP_QUARANTINED = timedelta(days=30), timedelta(days=14)


class InboxFailure(Base):
    """The failure that the inbox simulates for its next requests; `name` is a key of `FAILURES`."""

    __tablename__ = "inbox_failure"
    __table_args__ = (of_webhook("inbox_failure"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    remaining: Mapped[int]


class InboundMark(Base):
    """The mark of a signed text that was received, and the request that brought it. See
    `deduplication`."""

    __tablename__ = "inbound_mark"
    __table_args__ = (
        of_webhook("inbound_mark"),
        Index("ix_inbound_mark_expires", "tenant_id", "expires_at"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    request_id: Mapped[str] = mapped_column(String(40))
    expires_at: Mapped[datetime]


class InboundRequest(BelowRecord):
    """One request to an inbound webhook, raw, as it was when its signature was checked.

    A credential that a request carries in clear text, by its scheme or in the header of another
    one, is not stored: `credential_digest` is a keyed digest of it, so that it can still be
    compared once the right secret is known. `delivery_key` identifies the delivery; it is unique
    only among accepted requests.
    """

    __tablename__ = "inbound_request"
    __table_args__ = (
        of_webhook("inbound_request"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index("ix_inbound_request_webhook", "tenant_id", "webhook_id", "id"),
        Index("ix_inbound_request_state", "tenant_id", "webhook_id", "state", "id"),
        Index("ix_inbound_request_received", "tenant_id", "received_at"),
        Index(
            "uq_inbound_request_delivery",
            "tenant_id",
            "webhook_id",
            "delivery_key",
            unique=True,
            postgresql_where=text("state = 'accepted' AND delivery_key IS NOT NULL"),
        ),
    )
    id_prefix: ClassVar[str] = "inr"
    noun: ClassVar[str] = "inbound request"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40))
    received_at: Mapped[datetime] = mapped_column(server_default=func.now())
    state: Mapped[str] = mapped_column(String(20))
    code: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(String(10))
    url: Mapped[str] = mapped_column(Text)
    headers: Mapped[list[list[str]]] = mapped_column(JSONB)
    body: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    body_bytes: Mapped[int] = mapped_column(Integer)
    credential_digest: Mapped[str | None] = mapped_column(String(64))
    source_ip: Mapped[str | None] = mapped_column(String(60))
    delivery_key: Mapped[str | None] = mapped_column(String(200))
    verified_with: Mapped[str | None] = mapped_column(String(64))
    verified_at: Mapped[datetime | None]
    # Set if a person verified it again, out of quarantine.
    verified_by: Mapped[str | None] = mapped_column(String(80))
    # When the round began in which it was last tried together with the others in quarantine.
    tried_at: Mapped[datetime | None]
    event_id: Mapped[str | None] = mapped_column(String(40))
    event_type: Mapped[str | None] = mapped_column(String(128))
    repeats: Mapped[int] = mapped_column(Integer, server_default="0")

    @property
    def text(self) -> str:
        """Return the body for people; bytes that are not UTF-8 become replacement characters."""
        return self.shown_body.decode("utf-8", "replace")

    @property
    def shown_body(self) -> bytes:
        """Return the body with its API keys masked."""
        return masked_bytes(bytes(self.body))

    @property
    def shown_headers(self) -> list[list[str]]:
        """Return the headers with their API keys masked."""
        return [[name, masked(value)] for name, value in self.headers]

    @property
    def shown_url(self) -> str:
        """Return the URL with its API keys masked."""
        return masked(self.url)

    def header(self, name: str) -> Any:
        """Return the value of a header, or None."""
        return next((value for key, value in self.headers if key == name), None)
