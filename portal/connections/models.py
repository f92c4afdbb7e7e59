"""The tables of checks, and what is known of each connector from them."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Date,
    Float,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.connectors import addresses
from portal.connectors.models import Connector
from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.record import BelowRecord

STATES = ("queued", "running", "done")
REASONS = ("asked", "saved", "daily", "retry", "expiry")
OUTCOMES = (
    "passed",
    "unproven",
    "auth_invalid",
    "auth_scope",
    "auth_expired",
    "config",
    "rate_limited",
    "transient",
    "secret_store",
    "internal",
)
OPEN = "state IN ('queued', 'running')"


def portal_itself(tenant_id: str) -> Actor:
    """Return the actor of what the portal does by itself."""
    return Actor(tenant_id, "system", "system", "Connection checks")


def _of_connector(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["tenant_id", "connector_id"],
        ["connector.tenant_id", "connector.id"],
        name=f"fk_{table}_connector",
        ondelete="CASCADE",
    )


class ConnectorCheck(BelowRecord):
    """One check of a connector, from the moment when it was asked for.

    `record_version` and `credential_version` are the versions that were checked. `is_outdated`
    tells that the result says nothing about the connector as it is now: a newer one was saved
    before the check ended, or nothing was sent. `restores_version` is a version of the credentials
    that the check first puts back; `replaces_version` is the one that was used when that was asked
    (0 for none), and `asker` who asked, as `portal.keys.tokens.askers` keeps them (`asked_group`,
    the group that the connector was for, is there for the release before). `steps` are the steps
    of `checks.report` as objects. `due_at` is when a worker may take the check; while one has it,
    when another may.
    """

    __tablename__ = "connector_check"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint(f"reason IN {REASONS}", name="reason"),
        CheckConstraint(f"outcome IN {OUTCOMES}", name="outcome"),
        _of_connector("connector_check"),
        Index(
            "ux_connector_check_open",
            "tenant_id",
            "connector_id",
            unique=True,
            postgresql_where=text(OPEN),
        ),
        Index("ix_connector_check_due", "due_at", postgresql_where=text(OPEN)),
        Index("ix_connector_check_connector", "tenant_id", "connector_id", "id"),
        Index("ix_connector_check_made", "tenant_id", "created_at"),
    )
    id_prefix: ClassVar[str] = "chk"
    noun: ClassVar[str] = "check"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connector_id: Mapped[str] = mapped_column(String(40))
    state: Mapped[str] = mapped_column(String(10), server_default="queued")
    reason: Mapped[str] = mapped_column(String(10))
    asked_by: Mapped[str | None] = mapped_column(String(80))
    asked_by_name: Mapped[str | None] = mapped_column(String(200))
    restores_version: Mapped[int | None] = mapped_column(Integer)
    replaces_version: Mapped[int | None] = mapped_column(Integer)
    asked_group: Mapped[str | None] = mapped_column(String(80))
    asker: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    record_version: Mapped[int | None] = mapped_column(Integer)
    credential_version: Mapped[int | None] = mapped_column(Integer)
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    is_outdated: Mapped[bool] = mapped_column(Boolean, server_default="false")
    said: Mapped[str] = mapped_column(Text, server_default="")
    remedy: Mapped[str] = mapped_column(Text, server_default="")
    steps: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    took_ms: Mapped[float | None] = mapped_column(Float)
    account: Mapped[str | None] = mapped_column(Text)
    is_person: Mapped[bool | None] = mapped_column(Boolean)
    granted: Mapped[list[str] | None] = mapped_column(JSONB)
    missing: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    too_much: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    expires_at: Mapped[datetime | None]


class ConnectorStanding(Base):
    """The last result of a connector's checks, and when the next one is due.

    `since` is when the checks began to end as the last one did. `passed_at` and the versions beside
    it are those of the last check that passed. A row without `outcome` was never checked.
    """

    __tablename__ = "connector_standing"
    __table_args__ = (
        _of_connector("connector_standing"),
        Index(
            "ix_connector_standing_due",
            "tenant_id",
            "next_check_at",
            postgresql_where=text("next_check_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connector_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    next_check_at: Mapped[datetime | None]
    next_reason: Mapped[str] = mapped_column(String(10), server_default="daily")
    check_id: Mapped[str | None] = mapped_column(String(40))
    checked_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    since: Mapped[datetime | None]
    said: Mapped[str] = mapped_column(Text, server_default="")
    remedy: Mapped[str] = mapped_column(Text, server_default="")
    took_ms: Mapped[float | None] = mapped_column(Float)
    account: Mapped[str | None] = mapped_column(Text)
    is_person: Mapped[bool | None] = mapped_column(Boolean)
    expires_at: Mapped[datetime | None]
    passed_at: Mapped[datetime | None]
    passed_record_version: Mapped[int | None] = mapped_column(Integer)
    passed_credential_version: Mapped[int | None] = mapped_column(Integer)


class ConnectorCheckDay(Base):
    """The checks of one connector on one day (UTC), counted by how they ended."""

    __tablename__ = "connector_check_day"
    __table_args__ = (_of_connector("connector_check_day"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    connector_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    passed: Mapped[int] = mapped_column(Integer, server_default="0")
    troubled: Mapped[int] = mapped_column(Integer, server_default="0")
    failed: Mapped[int] = mapped_column(Integer, server_default="0")


class ConnectorCredentials(BelowRecord):
    """One version of a connector's credentials: who set it, when, and which fields it has.

    `provider` and `config` are those for which it was saved; None where nobody noted them.
    `token_origin` is where the token address was when the other side named it for the first time.
    """

    __tablename__ = "connector_credentials"
    __table_args__ = (_of_connector("connector_credentials"),)

    connector_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    fields: Mapped[list[str]] = mapped_column(JSONB)
    changed: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    set_by: Mapped[str | None] = mapped_column(String(80))
    set_by_name: Mapped[str | None] = mapped_column(String(200))
    set_at: Mapped[datetime] = mapped_column(server_default=func.now())
    restored_from: Mapped[int | None] = mapped_column(Integer)
    provider: Mapped[str | None] = mapped_column(String(60))
    config: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    token_origin: Mapped[str | None] = mapped_column(Text)

    def why_not_for(self, record: Connector) -> str | None:
        """Return why this version may not be used with the settings of now, or None if it may.

        Who may change a connector may not read its credentials: those of another address stay
        there.
        """
        entry = record.entry
        if entry is None or self.provider is None or self.config is None:
            return (
                f"Nobody knows for which address version {self.version} was saved. Enter it anew."
            )
        if self.provider != record.provider:
            return f"Version {self.version} was saved for another provider. Enter it anew."
        return addresses.strays(entry, set(self.fields), self.config, record.config)
