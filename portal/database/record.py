"""Define the columns that every record has, and find a record and the rows below it."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import Boolean, ColumnElement, Insert, Integer, Select, String, func, null, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column
from sqlalchemy.sql.base import ExecutableOption

from portal.core.errors import NotFound
from portal.core.key_shape import shown
from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.session import session


def stopped_obstacle(stopped_as: str | None) -> str | None:
    """Return why a deleted record is not restored whose application has this status, or None."""
    return stopped_as and f"Its application is {stopped_as}. Reopen it first."


class Record(Base):
    """Base class of every resource of the specification. The server sets all of these columns."""

    __abstract__ = True
    id_prefix: ClassVar[str]
    noun: ClassVar[str]
    quota: ClassVar[str]  # the limit that its records count towards
    # The word in the names of the portal's own events, such as connector.created; None: no events.
    published_as: ClassVar[str | None]
    # True if its document also changes without a new version: by its health, its use, or the status
    # of its application.
    is_alive: ClassVar[bool] = False
    # True if new records may refer to it while it is locked. Then nobody who stops it waits for the
    # requests that make them.
    may_be_referred_to: ClassVar[bool] = False
    # Inserts that run with the insert of every new record; their values are the record's columns.
    beside: ClassVar[tuple[Insert, ...]] = ()

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    app_id: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), onupdate=func.now())
    created_by: Mapped[str | None] = mapped_column(String(80))
    updated_by: Mapped[str | None] = mapped_column(String(80))
    source: Mapped[str] = mapped_column(String(40), server_default="edm")
    source_type: Mapped[str] = mapped_column(String(20), server_default="api")
    is_deleted: Mapped[bool] = mapped_column(Boolean, server_default="false")
    deleted_at: Mapped[datetime | None]
    deleted_by: Mapped[str | None] = mapped_column(String(80))
    schema_version: Mapped[int] = mapped_column(Integer, server_default="1")
    version: Mapped[int] = mapped_column(Integer)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - SQLAlchemy calls it on the class
        """Count versions, and fetch the values that the server sets in the same statement."""
        return {"version_id_col": cls.__table__.c.version, "eager_defaults": True}

    @property
    def label(self) -> str:
        """Return the name that people see: in the audit log, in dialogs, in lists."""
        return self.id

    def search_texts(self) -> tuple[str | None, ...]:
        """Return the texts, beside the id, whose words find the record in a search."""
        return ()

    @hybrid_property
    def is_counted(self) -> bool:
        """Tell whether the record counts towards the tenant's quota."""
        return not self.is_deleted

    @is_counted.inplace.expression
    @classmethod
    def _is_counted(cls) -> ColumnElement[bool]:
        return cls.is_deleted.is_(False)

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """Select the rows of the actor's tenant that the actor sees."""
        query = select(cls).where(cls.tenant_id == actor.tenant_id)
        seen = cls.audience(actor)
        return query if seen is None else query.where(seen)

    @classmethod
    def audience(cls, actor: Actor) -> ColumnElement[bool] | None:
        """Return the condition for the rows of its tenant that the actor sees, None for all.

        It compares with no other fields of the actor than those of `compares`.
        """
        if actor.app_id is None:
            return None
        seen: ColumnElement[bool] = cls.app_scope(actor.app_id, actor.application_id)
        return seen

    @classmethod
    def compares(cls, actor: Actor) -> dict[str, Any]:
        """Return the fields of the actor that `audience` compares with, for statements that are
        written once and have a parameter for each."""
        if actor.app_id is None:
            return {}
        return {"app_id": actor.app_id, "application_id": actor.application_id or ""}

    @classmethod
    def shown_to(cls, actor: Actor, document: dict[str, Any]) -> dict[str, Any]:
        """Return the record's document without what the actor may not read."""
        return document

    def is_open_to(self, actor: Actor) -> bool:
        """Tell whether the actor, who sees that the record is there, may also read and use it."""
        return True

    @property
    def is_for_all(self) -> bool:
        """Tell whether the record is for the whole tenant."""
        return True

    def permit(self, actor: Actor, fields: Collection[str]) -> None:
        """Raise Forbidden if the actor, who sees the record, may not change these fields."""

    @classmethod
    def stopped_as(cls) -> ColumnElement[Any]:
        """Return the expression of the status of its application if that is stopped, else NULL: a
        deleted record does not come back then."""
        return null()

    @classmethod
    def app_scope(cls, app_id: Any, application_id: Any) -> Any:
        """Return the condition for the rows that an application's credential may see.

        These are the rows with its `app_id` (specification, `app_id`).
        """
        return cls.app_id == app_id


class BelowRecord(Base):
    """Base class of rows that belong to one record, such as its checks or its deliveries."""

    __abstract__ = True

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True, sort_order=-1)

    @classmethod
    def seen_by(cls, actor: Actor) -> Select[Self]:
        """Select the rows of the actor's tenant. Find the record first, to check that the actor
        may read it."""
        return select(cls).where(cls.tenant_id == actor.tenant_id)


R = TypeVar("R", bound=Record)


def find(
    model: type[R],
    actor: Actor,
    record_id: str,
    *,
    lock: bool = False,
    include_deleted: bool = False,
    beside: Sequence[ExecutableOption] = (),
) -> R:
    """Return the actor's own record. Raise NotFound for any other id, also of another tenant.

    `beside` loads what it refers to in the same statement.
    `lock` locks the row until the transaction ends, so that a version check is reliable. Raise
    Forbidden in an operation that changes something, for a record that the actor may only read.
    """
    query = model.seen_by(actor).where(model.id == record_id).options(*beside)
    if not include_deleted:
        query = query.where(model.is_deleted.is_(False))
    if lock:
        held = query.with_for_update(of=model, key_share=model.may_be_referred_to)
        query = held.execution_options(populate_existing=True)
    record = session.scalar(query)
    if record is None:
        raise missing(model, record_id)
    if actor.is_changing:
        record.permit(actor, ())
    return record


def missing(model: type[Record], record_id: str) -> NotFound:
    """Return the same error for a record that is missing, deleted, hidden or another tenant's."""
    return NotFound(
        f"There is no {model.noun} {shown(record_id)} that you may see, or it is deleted."
    )
