"""The IntegrationApiKey record (specification: IntegrationApiKey), and the data about its use."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import eq
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    ColumnElement,
    Computed,
    ForeignKeyConstraint,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import ColumnProperty, Mapped, column_property, mapped_column

from portal.applications.ownership import OfApplication
from portal.database.base import Base
from portal.database.record import Record
from portal.database.session import CONSTRAINTS
from portal.keys.tables import KeyLeak, Money, gone_with_its_key

KINDS = ("user", "service", "virtual_llm")
STATUSES = ("active", "revoked", "expired")
PERIODS = ("none", "day", "week", "month")
USED_ON = (
    "coalesce(timezone('UTC', date_trunc('day', timezone('UTC', last_used_at))),"
    " '0001-01-01 00:00:00+00'::timestamptz)"
)
ENDED = "revoked_at IS NOT NULL OR revoke_at IS NOT NULL"
ENDING = "revoked_at IS NULL AND expires_at IS NOT NULL"
UNRESTRICTED = (
    "revoked_at IS NULL AND rpm_limit IS NULL AND tpm_limit IS NULL AND max_uses IS NULL"
    " AND max_budget_usd IS NULL AND allowed_ips = '[]'"
)


class ApiKeyRuntime(Base):
    """The values that change whenever a key is used.

    They have a table of their own, so that a use neither increases the key's `version` nor waits
    for a lock on the key.
    """

    __tablename__ = "api_key_runtime"
    __table_args__ = (
        gone_with_its_key("fk_api_key_runtime_key"),
        Index("ix_api_key_runtime_used_on", "tenant_id", "used_on", "key_id"),
        Index("ix_api_key_runtime_spend", "tenant_id", "spend_whole", "key_id"),
    )

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    last_used_at: Mapped[datetime | None]
    request_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    spend_usd: Mapped[Decimal] = mapped_column(Money, server_default="0")
    # `spend_usd` counts until this moment; after it, nothing is spent yet in the new period.
    spend_period_end: Mapped[datetime | None]
    uses: Mapped[int] = mapped_column(BigInteger, server_default="0")
    denied_count: Mapped[int] = mapped_column(BigInteger, server_default="0")
    last_denied_at: Mapped[datetime | None]
    last_denied_code: Mapped[str | None] = mapped_column(String(20))
    # The list is sorted by day: an index on the exact time would be updated at every use.
    used_on: Mapped[datetime] = mapped_column(Computed(USED_ON, persisted=True))
    spend_whole: Mapped[int] = mapped_column(
        BigInteger, Computed("trunc(spend_usd)::bigint", persisted=True)
    )


class StatusComparator(ColumnProperty.Comparator[str]):
    """Turn `ApiKey.status == "expired"` into a condition on columns, which an index can serve."""

    def operate(self, op: Callable[..., Any], *other: Any, **kwargs: Any) -> ColumnElement[Any]:
        if op is eq and other and other[0] in STATUSES:
            return conditions_of_statuses()[other[0]]
        return super().operate(op, *other, **kwargs)


class ApiKey(OfApplication, Record):
    """A key issued to an application. Only the SHA-256 of the raw key is stored."""

    __tablename__ = "api_key"
    __table_args__ = (
        UniqueConstraint("key_hash", name="uq_api_key_key_hash"),
        ForeignKeyConstraint(
            ["tenant_id", "application_id"],
            ["application.tenant_id", "application.id"],
            name="fk_api_key_application",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "rotated_from_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_key_rotated_from",
        ),
        ForeignKeyConstraint(
            ["tenant_id", "parent_key_id"],
            ["api_key.tenant_id", "api_key.id"],
            name="fk_api_key_parent",
        ),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"budget_period IN {PERIODS}", name="budget_period"),
        CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name="key_hash"),
        CheckConstraint("kind = 'virtual_llm' OR allowed_models = '[]'", name="allowed_models"),
        CheckConstraint("blocked OR blocked_reason IS NULL", name="blocked_reason"),
        Index("ix_api_key_name", "tenant_id", "name_key", "id"),
        Index("ix_api_key_updated", "tenant_id", "updated_at", "id"),
        Index("ix_api_key_expires", "tenant_id", "expires_key", "id"),
        Index("ix_api_key_kind", "tenant_id", "kind", "id"),
        Index("ix_api_key_prefix", "tenant_id", "key_prefix", "id"),
        Index("ix_api_key_application", "tenant_id", "application_id", "id"),
        Index(
            "ix_api_key_expiring_of_application",
            "tenant_id",
            "application_id",
            "expires_at",
            postgresql_where=ENDING,
        ),
        Index("ix_api_key_created_by_user", "tenant_id", "created_by_user_id", "id"),
        Index("ix_api_key_app", "tenant_id", "app_id", "id", postgresql_where="app_id IS NOT NULL"),
        Index("ix_api_key_live", "tenant_id", "id", postgresql_where="revoked_at IS NULL"),
        Index("ix_api_key_ending", "tenant_id", "id", postgresql_where=ENDING),
        Index(
            "ix_api_key_revoked_at",
            "tenant_id",
            "revoked_at",
            "id",
            postgresql_where="revoked_at IS NOT NULL",
        ),
        Index(
            "ix_api_key_brownout_from",
            "tenant_id",
            "brownout_from",
            "id",
            postgresql_where="brownout_from IS NOT NULL",
        ),
        # It counts the revoked keys of a kind without reading their rows.
        Index(
            "ix_api_key_revoked",
            "tenant_id",
            "id",
            postgresql_include=["kind", "revoked_at", "revoke_at", "is_deleted"],
            postgresql_where=ENDED,
        ),
        Index("ix_api_key_blocked", "tenant_id", "id", postgresql_where="blocked"),
        Index(
            "ix_api_key_user",
            "tenant_id",
            "issued_to_user_id",
            "id",
            postgresql_where="issued_to_user_id IS NOT NULL",
        ),
        Index(
            "ix_api_key_service",
            "tenant_id",
            "issued_to_service",
            "id",
            postgresql_where="issued_to_service IS NOT NULL",
        ),
        Index(
            "ix_api_key_rotated_from",
            "tenant_id",
            "rotated_from_key_id",
            "id",
            postgresql_where="rotated_from_key_id IS NOT NULL",
        ),
        Index("ix_api_key_unrestricted", "tenant_id", "id", postgresql_where=UNRESTRICTED),
        Index(
            "ix_api_key_no_budget",
            "tenant_id",
            "id",
            postgresql_where="revoked_at IS NULL AND max_budget_usd IS NULL",
        ),
        Index(
            "ix_api_key_endless",
            "tenant_id",
            "id",
            postgresql_where="revoked_at IS NULL AND expires_at IS NULL",
        ),
        *(
            Index(
                f"ix_api_key_{name.removesuffix('_id')}",
                "tenant_id",
                name,
                "id",
                postgresql_where=f"{name} IS NOT NULL",
            )
            for name in ("parent_key_id", "rotation_family_id", "revoke_at")
        ),
    )
    id_prefix = "key"
    noun = "key"
    may_be_referred_to = True
    quota = "api_keys"
    is_changed_by_owner = True  # a key that was issued to an application is the application's own
    published_as = "api_key"
    is_alive = True
    beside = (
        insert(ApiKeyRuntime).values(tenant_id=bindparam("tenant_id"), key_id=bindparam("id")),
    )

    name: Mapped[str] = mapped_column(String(200))
    key_hash: Mapped[str] = mapped_column(String(64))
    prefix: Mapped[str] = mapped_column(String(8))
    key_prefix: Mapped[str] = mapped_column(String(12))
    last4: Mapped[str] = mapped_column(String(4))
    kind: Mapped[str] = mapped_column(String(20), server_default="service")
    issued_to_user_id: Mapped[str | None] = mapped_column(String(80))
    issued_to_service: Mapped[str | None] = mapped_column(String(200))
    scopes: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    allowed_models: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    tpm_limit: Mapped[int | None] = mapped_column(Integer)
    rpm_limit: Mapped[int | None] = mapped_column(Integer)
    max_budget_usd: Mapped[Decimal | None] = mapped_column(Money)
    blocked: Mapped[bool] = mapped_column(Boolean, server_default="false")
    blocked_reason: Mapped[str | None] = mapped_column(String(200))
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None] = mapped_column()
    revoked_reason: Mapped[str | None] = mapped_column(String(200))
    rotated_from_key_id: Mapped[str | None] = mapped_column(String(40))
    created_by_user_id: Mapped[str | None] = mapped_column(String(80))
    # Additions to the specification's fields.
    allowed_ips: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    max_uses: Mapped[int | None] = mapped_column(Integer)
    parent_key_id: Mapped[str | None] = mapped_column(String(40))
    rotation_family_id: Mapped[str | None] = mapped_column(String(40))
    budget_period: Mapped[str] = mapped_column(String(10), server_default="none")
    revoke_at: Mapped[datetime | None] = mapped_column()
    brownout_from: Mapped[datetime | None]
    tags: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    application_id: Mapped[str | None] = mapped_column(String(40))
    # Stored columns to sort and compare by: under RLS no index serves `lower(…)` or `coalesce(…)`.
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(name)", persisted=True))
    expires_key: Mapped[datetime] = mapped_column(
        Computed("coalesce(expires_at, '9999-12-31 00:00:00+00'::timestamptz)", persisted=True)
    )
    # Computed on read, so that a late job cannot make it wrong.
    status: Mapped[str] = column_property(
        case((or_(revoked_at.is_not(None), revoke_at <= func.now()), "revoked"),
             (expires_key <= func.now(), "expired"), else_="active"),
        comparator_factory=StatusComparator,
    )  # fmt: skip
    if TYPE_CHECKING:  # read from ApiKeyRuntime, below
        last_used_at: Mapped[datetime | None]
        spend_usd: Mapped[Decimal]
        is_leaked: Mapped[bool]  # read from KeyLeak, only where it is asked for

    @property
    def label(self) -> str:
        return self.name

    @hybrid_property
    def state(self) -> str:
        """Return one word that combines `status`, the application's status and `blocked`."""
        if self.status != "active":
            return self.status
        if self.is_stopped:
            return "stopped"
        return "blocked" if self.blocked else "active"

    @state.inplace.expression
    @classmethod
    def _state(cls) -> ColumnElement[str]:
        return case(
            (cls.status != "active", cls.status),
            (cls.is_stopped, "stopped"),
            (cls.blocked, "blocked"),
            else_="active",
        )

    @hybrid_property
    def is_counted(self) -> bool:
        """Tell whether the key counts towards the quota. A revoked or deleted key does not."""
        return not self.is_deleted and self.revoked_at is None

    @is_counted.inplace.expression
    @classmethod
    def _is_counted(cls) -> ColumnElement[bool]:
        return and_(cls.is_deleted.is_(False), cls.revoked_at.is_(None))

    @hybrid_property
    def key_fingerprint(self) -> str:
        """Return the stored hash, under the specification's name for the readable field."""
        return self.key_hash

    def search_texts(self) -> tuple[str | None, ...]:
        return (self.name, self.key_prefix, self.last4, self.issued_to_service)


@cache
def conditions_of_statuses() -> Mapping[str, ColumnElement[bool]]:
    """Return the SQL condition for each status. To build them takes longer than a small query.

    A row meets the condition of exactly the status that `ApiKey.status` returns for it.
    """
    key = ApiKey
    ended = or_(key.revoked_at.is_not(None), key.revoke_at.is_not(None))  # the index's condition
    over = or_(key.revoked_at.is_not(None), key.revoke_at <= func.now())
    return {
        "revoked": and_(ended, over),
        "expired": and_(
            not_revoked(key), key.expires_at.is_not(None), key.expires_key <= func.now()
        ),
        "active": and_(not_revoked(key), key.expires_key > func.now()),
    }


def not_revoked(key: type[ApiKey]) -> ColumnElement[bool]:
    """Return the condition that a key is neither revoked nor past its planned revocation.

    It does not depend on the job that writes planned revocations down.
    """
    ahead = or_(key.revoke_at.is_(None), key.revoke_at > func.now())
    return and_(key.revoked_at.is_(None), ahead)


def has_open_leak(tenant_id: Any, key_id: Any) -> ColumnElement[bool]:
    """Return the condition that a key was found in public, which nobody has dealt with."""
    return exists().where(
        KeyLeak.tenant_id == tenant_id, KeyLeak.key_id == key_id, KeyLeak.settled_at.is_(None)
    )


def _of_its_runtime(column: Any) -> ColumnProperty[Any]:
    """Return a column of ApiKeyRuntime as an attribute that is read with the key."""
    own = ApiKeyRuntime.tenant_id == ApiKey.tenant_id, ApiKeyRuntime.key_id == ApiKey.id
    return column_property(select(column).where(*own).correlate(ApiKey).scalar_subquery())


SPENT = case((ApiKeyRuntime.spend_period_end <= func.now(), 0), else_=ApiKeyRuntime.spend_usd)
inspect(ApiKey).add_property("last_used_at", _of_its_runtime(ApiKeyRuntime.last_used_at))
inspect(ApiKey).add_property("spend_usd", _of_its_runtime(SPENT))
IS_LEAKED = column_property(has_open_leak(ApiKey.tenant_id, ApiKey.id), deferred=True)
inspect(ApiKey).add_property("is_leaked", IS_LEAKED)

CONSTRAINTS |= {
    "fk_api_key_application": ("application_id", "There is no application of this id."),
    "fk_api_key_parent": ("parent_key_id", "There is no key of this id."),
    "fk_api_key_rotated_from": ("rotated_from_key_id", "There is no key of this id."),
    "uq_sealed_key_secret_hash": (
        "form_secret",
        "This form made a key before. Open a new one to make another.",
    ),
    "acting_key": (
        "Authorization",
        "Your own key was revoked or blocked meanwhile. Nothing was done.",
    ),
}
