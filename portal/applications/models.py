"""The Application record (specification: Application)."""

from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Computed,
    Index,
    String,
    Text,
    UniqueConstraint,
    or_,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.record import Record
from portal.database.session import CONSTRAINTS

KINDS = ("app", "platform-service", "library")
WITH_KEYS = ("app", "platform-service")  # a library has no runtime identity
STATUSES = ("draft", "active", "deprecated", "suspended", "retired")
# Everything that belongs to an application in one of these states stops at once; see `states`.
STOPPED = frozenset({"suspended", "retired"})
WORKING = tuple(status for status in STATUSES if status not in STOPPED)


class Application(Record):
    """A registered app. It is never deleted, only retired.

    `status_reason` is the reason given when it was last suspended, retired or reopened.
    `reopens_as` is the status that a stopped application returns to.
    """

    __tablename__ = "application"
    __table_args__ = (
        UniqueConstraint("tenant_id", "slug", name="uq_application_slug"),
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"status IN {STATUSES}", name="status"),
        CheckConstraint(f"reopens_as IN {WORKING}", name="reopens_as"),
        # Partial: a change of a column of a whole unique index waits for all who refer to the row.
        Index(
            "uq_application_oauth_client_id",
            "tenant_id",
            "oauth_client_id",
            unique=True,
            postgresql_where=text("oauth_client_id IS NOT NULL"),
        ),
        Index("ix_application_name", "tenant_id", "name_key", "id"),
        Index("ix_application_updated", "tenant_id", "updated_at", "id"),
    )
    is_alive = True
    id_prefix = "app"
    noun = "application"
    may_be_referred_to = True
    quota = "applications"
    published_as = "application"

    display_name: Mapped[str] = mapped_column(String(200))
    slug: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(20), server_default="app")
    primary_domain: Mapped[str | None] = mapped_column(String(200))
    description: Mapped[str | None] = mapped_column(Text)
    oauth_client_id: Mapped[str | None] = mapped_column(String(200))
    status: Mapped[str] = mapped_column(String(20), server_default="active")
    status_reason: Mapped[str | None] = mapped_column(String(500))
    reopens_as: Mapped[str | None] = mapped_column(String(20))
    canonical_owner_of: Mapped[list[Any]] = mapped_column(JSONB, server_default="[]")
    api_base_path: Mapped[str | None] = mapped_column(String(200))
    repository: Mapped[str | None] = mapped_column(String(500))
    # Not among the specification's fields.
    allowed_scopes: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    # Sort case-insensitively by a plain column: `lower(…)` loses its index under row-level
    # security.
    name_key: Mapped[str] = mapped_column(Text, Computed("lower(display_name)", persisted=True))

    @hybrid_property
    def is_counted(self) -> bool:
        """Tell whether it counts towards the quota. A retired application does not."""
        return self.status != "retired"

    @is_counted.inplace.expression
    @classmethod
    def _is_counted(cls) -> ColumnElement[bool]:
        return cls.status != "retired"

    @property
    def label(self) -> str:
        return self.display_name

    @property
    def is_stopped(self) -> bool:
        """Tell whether the application is suspended or retired."""
        return self.status in STOPPED

    @property
    def unfit_to_act(self) -> str:
        """Return what the application is, such as `retired`, if no program may act as it; empty if
        one may."""
        if self.is_stopped:
            return self.status
        return "a library" if self.kind == "library" else ""

    @property
    def returns_to(self) -> str:
        """Return the status that the application has after it is reopened."""
        return self.reopens_as or "active"

    def allows(self, scope: str) -> bool:
        """Tell whether its keys may have this scope; an empty list allows every scope."""
        return not self.allowed_scopes or scope in self.allowed_scopes

    def search_texts(self) -> tuple[str | None, ...]:
        return (
            self.slug,
            self.display_name,
            self.primary_domain,
            self.oauth_client_id,
            self.api_base_path,
            self.repository,
        )

    @classmethod
    def app_scope(cls, app_id: Any, application_id: Any) -> Any:
        # An application's own credential also sees the application's registration.
        return or_(cls.app_id == app_id, cls.id == application_id)


CONSTRAINTS |= {
    "uq_application_slug": ("slug", "Another application of this tenant has this slug."),
    "uq_application_oauth_client_id": (
        "oauth_client_id",
        "Another application of this tenant has this OAuth client id.",
    ),
    "open_application": (
        "application_id",
        "Meanwhile the application was suspended, retired, deleted or made a library. Nothing was"
        " done.",
    ),
}
