"""The Connector record (specification: Connector)."""

from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from portal.applications.ownership import OfApplication
from portal.core.config import running
from portal.database.actor import Actor
from portal.database.audience import FOR_ALL, FOR_GROUP, FOR_PERSON, KNOWN, Scoped
from portal.database.json_values import Json
from portal.database.record import Record
from portal.database.session import CONSTRAINTS
from portal.providers import PROVIDERS, Provider, Variant, name_of
from portal.records.listing import time_or_earliest
from portal.records.schemas import ENVELOPE
from portal.secretstore import SecretRef
from portal.secretstore.paths import path_in_sql

TYPES = (
    "edr",
    "siem",
    "ticketing",
    "knowledge",
    "identity",
    "source_control",
    "messaging",
    "itsm",
    "crm",
    "support",
    "incident",
    "observability",
    "cloud_security",
    "storage",
    "warehouse",
    "database",
    "payments",
    "custom",
)
SCOPES = (FOR_ALL, FOR_PERSON, FOR_GROUP)
AUTH_TYPES = (
    "none",
    "api_key",
    "api_key_pair",
    "bearer",
    "basic",
    "oauth2_code",
    "oauth2_client_credentials",
    "oauth2_private_key_jwt",
    "oauth2_jwt_bearer",
    "service_account_jwt",
    "key_pair_jwt",
    "github_app",
    "aws_assume_role",
    "aws_keys",
    "mtls",
    "hmac",
)
SYNC_STATUSES = (
    "disabled",
    "pending",
    "action_required",
    "failing",
    "degraded",
    "rate_limited",
    "stale",
    "healthy",
)
# Those that need a person first, then those that are in trouble. An index has this very text.
URGENCY = (
    "(CASE WHEN sync_status IN ('action_required', 'failing') THEN 2"
    " WHEN sync_status IN ('degraded', 'rate_limited') THEN 1 ELSE 0 END)"
)
TROUBLED = (
    "NOT is_deleted AND sync_status IN ('action_required', 'failing', 'degraded', 'rate_limited')"
)
LAST_SYNC = time_or_earliest("last_sync_at")
LAST_CHECK = time_or_earliest("last_check_at")
# The times that few connectors have.
SOMETIMES = ("oauth_token_expires_at", "credential_last_rotated_at", "next_rotation_due")
CLOSED_HEALTH = {"reason": "For somebody else: only its state is shown.", "next": None}
NOTHING_SYNCED = '{"totalSynced": 0, "last24h": 0, "avgLatencyMs": null}'


class Connector(Scoped, OfApplication, Record):
    """A source or sink of data. Its settings are here, its credentials only in the secret store.

    Who sees it is decided in `portal.database.audience`.

    `credential_fields` are the names of the fields that are set. `credential_version` is the secret
    store's version that this row knows; 0 before the first.
    """

    __tablename__ = "connector"
    __table_args__ = (
        CheckConstraint(f"type IN {TYPES}", name="type"),
        CheckConstraint(f"scope IN {SCOPES}", name="scope"),
        CheckConstraint(f"auth_type IN {AUTH_TYPES}", name="auth_type"),
        CheckConstraint(f"sync_status IN {SYNC_STATUSES}", name="sync_status"),
        ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_connector_application",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "webhook_endpoint_id"],
            ["webhook.tenant_id", "webhook.id"],
            name="fk_connector_webhook_endpoint",
            ondelete="SET NULL (webhook_endpoint_id)",
            use_alter=True,  # the tables reference each other: a webhook may belong to a connector
        ),
        Index(
            "ix_connector_deleted",
            "tenant_id",
            "deleted_at",
            postgresql_where="is_deleted",
        ),
        Index("ix_connector_name", "tenant_id", "name_key", "id"),
        Index("ix_connector_updated", "tenant_id", "updated_at", "id"),
        Index("ix_connector_provider", "tenant_id", "provider", "id"),
        Index("ix_connector_type", "tenant_id", "type", "id"),
        Index("ix_connector_application", "tenant_id", "application_id", "id"),
        Index(
            "ix_connector_troubled",
            "tenant_id",
            "application_id",
            postgresql_where=text(TROUBLED),
        ),
        Index("ix_connector_sync_status", "tenant_id", "sync_status", "id"),
        Index("ix_connector_urgency", "tenant_id", text(URGENCY), "id"),
        Index("ix_connector_last_sync", "tenant_id", text(LAST_SYNC), "id"),
        Index("ix_connector_last_check", "tenant_id", text(LAST_CHECK), "id"),
        *(
            Index(
                f"ix_connector_{name}",
                "tenant_id",
                name,
                "id",
                postgresql_where=f"{name} IS NOT NULL",
            )
            for name in SOMETIMES
        ),
        Index("ix_connector_org", "tenant_id", "id", postgresql_where=text("scope = 'org'")),
        Index("ix_connector_app", "tenant_id", "app_id", "id"),
        Index("ix_connector_owner", "tenant_id", "owner_id", "id"),
        Index(
            "ix_connector_user",
            "tenant_id",
            "user_id",
            "id",
            postgresql_where=text("user_id IS NOT NULL"),
        ),
        Index(
            "ix_connector_group",
            "tenant_id",
            "group_id",
            "id",
            postgresql_where=text("group_id IS NOT NULL"),
        ),
        # It counts lists without reading their rows, also for those who do not see all of them.
        Index(
            "ix_connector_live",
            "tenant_id",
            "provider",
            "scope",
            "user_id",
            "group_id",
            postgresql_where=text("is_deleted IS FALSE"),
        ),
    )
    id_prefix = "cnn"
    noun = "connector"
    quota = "connectors"
    published_as = "connector"
    is_alive = True
    known_to_admins = KNOWN | ENVELOPE | {
        "consecutive_errors", "health", "last_check_at", "last_sync_at", "vault_path",
    }  # fmt: skip
    closed = MappingProxyType(
        {
            "is_restricted": True,
            "config": {},
            "oauth_refresh_needed": False,
            "event_types": [],
            "credential_fields": [],
            "tags": [],
            "metrics": {"totalSynced": 0, "last24h": 0, "avgLatencyMs": None},
        }
    )

    type: Mapped[str | None] = mapped_column(String(40))
    provider: Mapped[str | None] = mapped_column(String(60))
    name: Mapped[str] = mapped_column(String(200))
    scope: Mapped[str] = mapped_column(String(10), server_default="org")
    owner_id: Mapped[str | None] = mapped_column(String(80))
    group_id: Mapped[str | None] = mapped_column(String(80))
    user_id: Mapped[str | None] = mapped_column(String(80))
    config: Mapped[dict[str, Any]] = mapped_column(Json, server_default="{}")
    auth_type: Mapped[str | None] = mapped_column(String(40))
    oauth_refresh_needed: Mapped[bool] = mapped_column(Boolean, server_default="false")
    oauth_token_expires_at: Mapped[datetime | None]
    enabled: Mapped[bool] = mapped_column(Boolean, server_default="true")
    sync_status: Mapped[str] = mapped_column(String(20), server_default="pending")
    last_sync_at: Mapped[datetime | None]
    last_check_at: Mapped[datetime | None]
    consecutive_errors: Mapped[int] = mapped_column(Integer, server_default="0")
    last_error: Mapped[str | None] = mapped_column(Text)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=NOTHING_SYNCED)
    event_types: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    webhook_endpoint_id: Mapped[str | None] = mapped_column(String(40))
    credential_fields: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    credential_version: Mapped[int] = mapped_column(Integer, server_default="0")
    credential_set_by: Mapped[str | None] = mapped_column(String(80))
    credential_set_by_name: Mapped[str | None] = mapped_column(String(200))
    credential_last_rotated_at: Mapped[datetime | None]
    next_rotation_due: Mapped[datetime | None]
    tags: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    application_id: Mapped[str | None] = mapped_column(String(40))
    # Sort case-insensitively by a plain column: `lower(…)` loses its index under row-level
    # security.
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(name)", persisted=True))

    # The credential fields that were entered or removed in this transaction; no column.
    typed_fields = tuple[str, ...]()

    @classmethod
    def shown_to(cls, actor: Actor, document: dict[str, Any]) -> dict[str, Any]:
        shown = super().shown_to(actor, document)
        if shown["is_restricted"] and "health" in shown:
            shown["health"] = {**shown["health"], **CLOSED_HEALTH}
        return shown

    @property
    def label(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """Return one word that sums up `is_deleted`, the application's status and `sync_status`."""
        if self.is_deleted:
            return "deleted"
        return "stopped" if self.is_stopped and self.enabled else self.sync_status

    @property
    def entry(self) -> Provider | None:
        """Return what the catalogue says of its provider; None for a draft."""
        return PROVIDERS.get(self.provider or "")

    @property
    def variant(self) -> Variant | None:
        """Return the way to sign in that it names, or None."""
        return self.entry.variant(self.auth_type) if self.entry else None

    @property
    def secret_ref(self) -> SecretRef:
        """Return the location of the credentials.

        It consists of ids only, so no client can change it.
        """
        return SecretRef(self.tenant_id, "connectors", self.id, "credentials")

    @property
    def lends_to(self) -> str | None:
        """Return the id of the application whose keys may take leases, None if no key may."""
        return self.application_id if self.is_for_all else None

    @property
    def used_version(self) -> int:
        """Return the version of the credentials that are used, 0 if there are none."""
        return self.credential_version if self.credential_fields else 0

    @hybrid_property
    def vault_path(self) -> str:
        """Return the KV v2 path of the credentials. It is derived; no client can set it."""
        return self.secret_ref.path(running().vault_mount)

    @vault_path.inplace.expression
    @classmethod
    def _vault_path(cls) -> ColumnElement[str]:
        return path_in_sql(cls.tenant_id, "connectors", cls.id, "credentials")

    def search_texts(self) -> tuple[str | None, ...]:
        texts = [value for value in self.config.values() if isinstance(value, str)]
        about = (self.name, self.provider, name_of(self.provider), self.type)
        return (*about, self.owner_id, *self.tags, *texts)


CONSTRAINTS |= {
    "fk_connector_application": (
        "application_id",
        "There is no application of this id in this tenant.",
    ),
    "fk_connector_webhook_endpoint": (
        "webhook_endpoint_id",
        "There is no webhook of this id in this tenant.",
    ),
}
