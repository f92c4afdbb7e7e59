"""Models of webhooks (specification: Webhook), and of their deliveries, attempts and replays."""

from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, get_args

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    SmallInteger,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    not_,
    null,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, MappedSQLExpression, column_property, mapped_column

from portal.applications.ownership import OfApplication
from portal.core.config import running
from portal.database.base import Base
from portal.database.json_values import Json
from portal.database.record import BelowRecord, Record
from portal.database.session import CONSTRAINTS
from portal.events.models import Event
from portal.outbound import Kind
from portal.records.listing import time_or_earliest
from portal.secretstore import SecretRef
from portal.secretstore.paths import path_in_sql
from portal.webhooks.signing.signature_schemes import SCHEMES, style_of

# The allowed values, defined once for the columns, the schemas and the filters of lists.
Direction = Literal["outbound", "inbound"]
PauseReason = Literal["failing", "gone", "by_hand"]
Backoff = Literal["exponential", "linear", "fixed"]
DeliveryOrigin = Literal["event", "redelivery", "replay", "probe", "lab"]
Unsent = Literal["erased", "secret_gone", "secret_unavailable"]
"""The reasons for making no request: an erased event, or a secret that cannot be read."""
OutcomeWord = Literal["sending", Kind]
"""`sending` until the outcome is recorded."""

DIRECTIONS: tuple[str, ...] = get_args(Direction)
ORIGINS: tuple[str, ...] = get_args(DeliveryOrigin)
OUTCOMES: tuple[str, ...] = get_args(OutcomeWord)
SIGNATURE_SCHEMES = SCHEMES


# Literal text without parameters, so that PostgreSQL finds the partial index over these rows.
FAILING = text("is_active AND last_delivery_status NOT IN ('delivered', 'sending')")
LAST_DELIVERY = time_or_earliest("last_delivery_at")
TROUBLED = text(
    "NOT is_deleted AND enabled AND (paused_at IS NOT NULL OR consecutive_failures > 0"
    " OR last_delivery_status NOT IN ('delivered', 'sending'))"
)
PAUSED = text("paused_at IS NOT NULL AND NOT is_deleted")


def of_webhook(table: str) -> ForeignKeyConstraint:
    """Return the foreign key from a row of this table to its webhook. Deleting the webhook deletes
    the row."""
    return ForeignKeyConstraint(
        ["tenant_id", "webhook_id"],
        ["webhook.tenant_id", "webhook.id"],
        name=f"fk_{table}_webhook",
        ondelete="CASCADE",
    )


class Webhook(OfApplication, Record):
    """A receiver of events (outbound) or a sender of requests (inbound), with its settings."""

    __tablename__ = "webhook"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_webhook_application",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "connector_id"],
            ["connector.tenant_id", "connector.id"],
            name="fk_webhook_connector",
            ondelete="SET NULL (connector_id)",
        ),
        CheckConstraint("direction IN ('outbound', 'inbound')", name="direction"),
        CheckConstraint(f"signature_scheme IN {SIGNATURE_SCHEMES}", name="signature_scheme"),
        CheckConstraint(
            "NOT enabled OR direction = 'inbound' OR url IS NOT NULL", name="enabled_has_url"
        ),
        CheckConstraint(
            "(direction = 'inbound') = (inbound_scheme IS NOT NULL)", name="inbound_scheme"
        ),
        Index("ix_webhook_name", "tenant_id", "name_key", "id"),
        Index("ix_webhook_updated", "tenant_id", "updated_at", "id"),
        Index("ix_webhook_deleted", "tenant_id", "deleted_at", postgresql_where="is_deleted"),
        Index("ix_webhook_paused", "tenant_id", "last_delivery_at", postgresql_where=PAUSED),
        Index("ix_webhook_failing", "tenant_id", "last_delivery_at", postgresql_where=FAILING),
        Index("ix_webhook_application", "tenant_id", "application_id", "id"),
        Index(
            "ix_webhook_troubled",
            "tenant_id",
            "application_id",
            postgresql_where=TROUBLED,
        ),
        Index("ix_webhook_inbound", "id", postgresql_where=text("direction = 'inbound'")),
        Index("ix_webhook_connector", "tenant_id", "connector_id", "id"),
        Index("ix_webhook_last_delivery", "tenant_id", text(LAST_DELIVERY), "id"),
        Index(
            "ix_webhook_paused_at",
            "tenant_id",
            "paused_at",
            "id",
            postgresql_where=text("paused_at IS NOT NULL"),
        ),
        Index("ix_webhook_app", "tenant_id", "app_id", "id"),
        # It counts lists without reading their rows.
        Index(
            "ix_webhook_live",
            "tenant_id",
            "direction",
            postgresql_where=text("is_deleted IS FALSE"),
        ),
    )
    id_prefix = "whk"
    noun = "webhook"
    quota = "webhooks"
    published_as = "webhook"
    is_alive = True

    name: Mapped[str] = mapped_column(String(200))
    direction: Mapped[str] = mapped_column(String(20), server_default="outbound")
    url: Mapped[str | None] = mapped_column(String(2048))
    event_types: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    signature_scheme: Mapped[str] = mapped_column(String(40), server_default="standard-webhooks")
    headers: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    # How an inbound webhook's requests are checked; NULL for an outbound one.
    inbound_scheme: Mapped[str | None] = mapped_column(String(40))
    inbound_options: Mapped[dict[str, str]] = mapped_column(JSONB, server_default="{}")
    enabled: Mapped[bool] = mapped_column(Boolean, server_default="false")
    retry_policy: Mapped[dict[str, Any]] = mapped_column(JSONB)
    last_delivery_at: Mapped[datetime | None]
    last_delivery_status: Mapped[str | None] = mapped_column(String(20))
    consecutive_failures: Mapped[int] = mapped_column(Integer, server_default="0")
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(String(20))
    # Top-level field of an event's data → the values of which it must have one.
    filter: Mapped[dict[str, list[Any]]] = mapped_column(Json, server_default="{}")
    rate_limit: Mapped[int | None]
    ordered: Mapped[bool] = mapped_column(Boolean, server_default="false")
    connector_id: Mapped[str | None] = mapped_column(String(40))
    application_id: Mapped[str | None] = mapped_column(String(40))
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    secret_fingerprint: Mapped[str | None] = mapped_column(String(64))
    secret_rotated_at: Mapped[datetime | None]
    # Until then the previous secret also signs.
    previous_secret_expires_at: Mapped[datetime | None]
    is_active: Mapped[bool] = mapped_column(
        Boolean, Computed("enabled AND paused_at IS NULL AND NOT is_deleted", persisted=True)
    )
    # Sorting without regard to case, on a plain column: `lower(…)` loses its index under RLS.
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(name)", persisted=True))

    @property
    def label(self) -> str:
        return self.name

    @property
    def secret_ref(self) -> SecretRef:
        """Return the reference to the signing secret in the secret store."""
        return SecretRef(self.tenant_id, "webhooks", self.id, "signing")

    @hybrid_property
    def vault_path(self) -> str:
        """Return the KV v2 path of the signing secret. It is derived, never accepted from a
        client."""
        return self.secret_ref.path(running().vault_mount)

    @vault_path.inplace.expression
    @classmethod
    def _vault_path(cls) -> ColumnElement[str]:
        return path_in_sql(cls.tenant_id, "webhooks", cls.id, "signing")

    @hybrid_property
    def inbound_url(self) -> str | None:
        """Return the URL that the sender calls, None for an outbound webhook. It is derived, never
        accepted from a client."""
        return f"{running().base_url}/in/{self.id}" if self.direction == "inbound" else None

    @inbound_url.inplace.expression
    @classmethod
    def _inbound_url(cls) -> ColumnElement[str | None]:
        base = bindparam(None, callable_=lambda: running().base_url, type_=String)
        return case((cls.direction == "inbound", base + "/in/" + cls.id), else_=null())

    @hybrid_property
    def receives(self) -> bool:
        """Tell whether the webhook sends or accepts requests now: it and its application are
        active."""
        return self.is_active and not self.is_stopped

    @receives.inplace.expression
    @classmethod
    def _receives(cls) -> ColumnElement[bool]:
        return and_(cls.is_active, not_(cls.is_stopped))

    @property
    def state(self) -> str:
        """Return one word that combines `enabled`, `paused_at`, `is_deleted` and the application's
        status."""
        if self.is_deleted:
            return "deleted"
        if self.is_stopped:
            return "stopped"
        if self.paused_at is not None:
            return "paused"
        return "enabled" if self.enabled else "disabled"

    def search_texts(self) -> tuple[str | None, ...]:
        return (self.name, self.url, *self.event_types)


CONSTRAINTS |= {
    "fk_webhook_application": ("application_id", "There is no such application in this tenant."),
    "fk_webhook_connector": ("connector_id", "There is no such connector in this tenant."),
    "ck_webhook_enabled_has_url": ("url", "Give the target URL, or leave the webhook off."),
}


CLOCKS_APART = timedelta(days=2)
"""Tolerance for the time in an id: it comes from the machine that made the id, whose clock may be
wrong."""


class DeliveryAttempt(BelowRecord):
    """One request to a receiver: the request, the response, and an explanation of the outcome.

    The row is inserted before the request is sent (`sending`) and completed afterwards, so that a
    process that dies in between leaves a trace. Headers are lists of [name, value], in the order in
    which they were sent. The table is partitioned by day, by the ids of the engine's attempts
    (att_…); a test has the id of a message (dlv_…) and is in the default partition.
    """

    __tablename__ = "delivery_attempt"
    __table_args__ = (
        of_webhook("delivery_attempt"),
        Index("ix_delivery_attempt_webhook", "tenant_id", "webhook_id", "id"),
        Index(
            "ix_delivery_attempt_test",
            "tenant_id",
            "created_at",
            postgresql_where=text("delivery_id IS NULL"),
        ),
        Index(
            "ix_delivery_attempt_delivery",
            "tenant_id",
            "delivery_id",
            "number",
            postgresql_where=text("delivery_id IS NOT NULL"),
        ),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id_prefix: ClassVar[str] = "dlv"
    noun: ClassVar[str] = "delivery"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40))
    # NULL for a test, which belongs to no delivery.
    delivery_id: Mapped[str | None] = mapped_column(String(40))
    event_id: Mapped[str | None] = mapped_column(String(40))
    number: Mapped[int | None]
    event_type: Mapped[str] = mapped_column(String(128))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
    actor_id: Mapped[str] = mapped_column(String(80))
    actor_name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(String(2048))
    request_headers: Mapped[list[list[str]]] = mapped_column(JSONB)
    # Only for a test. The body for an event is built from the stored event: see `request_body`.
    body_of_test: Mapped[str] = mapped_column("request_body", Text)
    signed_with: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(20), server_default="sending")
    explanation: Mapped[str] = mapped_column(Text, server_default="")
    remedy: Mapped[str] = mapped_column(Text, server_default="")
    status: Mapped[int | None]
    response_headers: Mapped[list[list[str]]] = mapped_column(JSONB, server_default="[]")
    response_body: Mapped[str] = mapped_column(Text, server_default="")
    response_truncated: Mapped[bool] = mapped_column(Boolean, server_default="false")
    timings: Mapped[dict[str, float | None]] = mapped_column(JSONB, server_default="{}")
    address: Mapped[str | None] = mapped_column(String(60))
    tls_version: Mapped[str | None] = mapped_column(String(20))
    certificate_days: Mapped[int | None]
    body_of_event: ClassVar[MappedSQLExpression[str | None]]

    @classmethod
    def of(cls, delivery: "Delivery") -> ColumnElement[bool]:
        """Return the condition for the attempts of one delivery. It also bounds their ids from
        below: no attempt is older than its delivery, if the clocks differ by less than
        CLOCKS_APART."""
        oldest = func.ulid_floor("att", delivery.created_at - CLOCKS_APART)
        return (cls.delivery_id == delivery.id) & (cls.id >= oldest)

    @property
    def request_body(self) -> str:
        """Return the body exactly as it was sent."""
        return self.body_of_test or self.body_of_event or ""

    @property
    def signed_content(self) -> str:
        """Return the exact text that was signed."""
        sent = dict(self.request_headers)
        return style_of(sent).signed_text(sent, self.request_body)


# Must equal, byte for byte, what `portal.delivery.sending.body_of` sends for the same event.
_SENT_OF_EVENT = func.concat(
    '{"type":"',
    Event.type,
    '","timestamp":"',
    func.to_char(func.timezone("UTC", Event.occurred_at), 'YYYY-MM-DD"T"HH24:MI:SS.MS'),
    '+00:00","data":',
    cast(Event.data, Text),
    "}",
)
DeliveryAttempt.body_of_event = column_property(
    select(_SENT_OF_EVENT)
    .where(Event.tenant_id == DeliveryAttempt.tenant_id, Event.id == DeliveryAttempt.event_id)
    .scalar_subquery(),
    deferred=True,
)


STATES = ("pending", "in_flight", "retrying", "delivered", "failed", "expired", "cancelled")
WAITING = ("pending", "in_flight", "retrying")
WAITING_SQL = f"state IN {WAITING}"
UNSENT = ("pending", "retrying")
"""The states of deliveries that are held while their webhook sends nothing."""


class Subscription(Base):
    """One pattern of a webhook's `event_types`, in a row of its own, to find it by equality."""

    __tablename__ = "webhook_subscription"
    __table_args__ = (
        of_webhook("webhook_subscription"),
        Index("ix_webhook_subscription_webhook", "tenant_id", "webhook_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    pattern: Mapped[str] = mapped_column(String(130), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40), primary_key=True)


class Endpoint(Base):
    """The state that the delivery engine keeps of a webhook's receiver, from its first delivery on.

    `last_sequence` numbers the deliveries in the order of their first attempt. `failing_since` is
    when the failures began, `not_before` when the receiver accepts requests again, `next_probe_at`
    when a paused one is probed next, and `paid_until` how far its rate limit is used up. `expired`
    counts the held deliveries that expired. `cannot_sign` is why nothing could be signed at the
    last try, in a word of `Unsent`.
    """

    __tablename__ = "endpoint"
    __table_args__ = (
        of_webhook("endpoint"),
        Index(
            "ix_endpoint_probe",
            "next_probe_at",
            postgresql_where=text("next_probe_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_sequence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    failing_since: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    throttles: Mapped[int] = mapped_column(Integer, server_default="0")
    next_probe_at: Mapped[datetime | None]
    probes: Mapped[int] = mapped_column(Integer, server_default="0")
    good_probes: Mapped[int] = mapped_column(Integer, server_default="0")
    resumed_at: Mapped[datetime | None]
    recovered_at: Mapped[datetime | None]  # resumed automatically, since its last pause
    warned_at: Mapped[datetime | None]
    paid_until: Mapped[datetime | None]
    expired: Mapped[int] = mapped_column(Integer, server_default="0")
    expired_at: Mapped[datetime | None]
    cannot_sign: Mapped[str | None] = mapped_column(String(20))


class DeliveryWorker(Base):
    """One delivery worker, and until when its claims are valid, by the database's clock.

    `buried_at` is when the other workers began to take back its claims. From then on nothing is
    recorded under this number.
    """

    __tablename__ = "delivery_worker"

    number: Mapped[int] = mapped_column(Identity(), primary_key=True)
    alive_until: Mapped[datetime]
    buried_at: Mapped[datetime | None]


class Delivery(BelowRecord):
    """One event to deliver to one webhook: an entry of the queue, and later of the history.

    `due_at` is when it may be claimed: the time of the next attempt, or, if it is in flight, the
    end of the lease. `token` is a fencing token: each claim increases it. `holder` is the number of
    the worker that has it in flight (None: of a release without numbers). `cancelled_at` is when
    somebody chose not to send it: one in flight is then not sent again. A delivery of a paused
    webhook waits without a change; people see it as `held`. The table is partitioned by day, by the
    id. It refers to webhook and event without a foreign key: neither is ever deleted before its
    deliveries, and the check would lock the webhook's row at every publication.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index(
            "ix_delivery_due",
            "tenant_id",
            "webhook_id",
            "due_at",
            "id",
            postgresql_where=text(WAITING_SQL),
        ),
        Index("ix_delivery_webhook", "tenant_id", "webhook_id", "id"),
        Index(
            "ix_delivery_sequence",
            "tenant_id",
            "webhook_id",
            "sequence",
            postgresql_where=text("sequence IS NOT NULL"),
        ),
        Index(
            "ix_delivery_failed",
            "tenant_id",
            "webhook_id",
            "id",
            postgresql_where=text("state = 'failed'"),
        ),
        Index("ix_delivery_event", "tenant_id", "event_id"),
        Index(
            "ix_delivery_replay",
            "tenant_id",
            "replay_id",
            postgresql_where=text("replay_id IS NOT NULL"),
        ),
        {"postgresql_partition_by": "RANGE (id)"},
    )
    id_prefix: ClassVar[str] = "dlv"
    noun: ClassVar[str] = "delivery"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40))
    event_id: Mapped[str] = mapped_column(String(40))
    event_type: Mapped[str] = mapped_column(String(128))
    subject: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), server_default="pending")
    attempts: Mapped[int] = mapped_column(Integer, server_default="0")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    token: Mapped[int] = mapped_column(BigInteger, server_default="0")
    sequence: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    completed_at: Mapped[datetime | None]
    outcome: Mapped[str | None] = mapped_column(String(20))
    status: Mapped[int | None]
    origin: Mapped[str] = mapped_column(String(20), server_default="event")
    replay_id: Mapped[str | None] = mapped_column(String(40))
    holder: Mapped[int | None]
    cancelled_at: Mapped[datetime | None]


class DeliveryHour(Base):
    """The deliveries of a tenant that were published in an hour: how many arrived, how many failed
    for good, and how many attempts ended in which time, in the bands of
    `portal.delivery.queue.hours`."""

    __tablename__ = "delivery_hour"

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    delivered: Mapped[int] = mapped_column(BigInteger, server_default="0")
    failed: Mapped[int] = mapped_column(BigInteger, server_default="0")
    waits: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default="{}")


class Replay(BelowRecord):
    """A replay: the events of a period, sent again on request as new deliveries."""

    __tablename__ = "webhook_replay"
    __table_args__ = (
        of_webhook("webhook_replay"),
        CheckConstraint("what IN ('failed', 'missing', 'all')", name="what"),
        Index("ix_webhook_replay_webhook", "tenant_id", "webhook_id", "id"),
    )
    id_prefix: ClassVar[str] = "rpl"
    noun: ClassVar[str] = "replay"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    webhook_id: Mapped[str] = mapped_column(String(40))
    since: Mapped[datetime]
    until: Mapped[datetime]
    what: Mapped[str] = mapped_column(String(20))
    rate: Mapped[int | None]
    total: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    created_by: Mapped[str] = mapped_column(String(80))
    cancelled_at: Mapped[datetime | None]
