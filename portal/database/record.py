"""Define the columns that every record has, and find a record for an actor."""

from datetime import datetime
from typing import Any, ClassVar, Self, TypeVar

from sqlalchemy import Boolean, ColumnElement, Insert, Integer, Select, String, func, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.base import Base
from portal.database.session import session


class Record(Base):
    """Base class of every resource of the specification. The server sets all of these columns."""

    __abstract__ = True
    id_prefix: ClassVar[str]
    noun: ClassVar[str]
    quota: ClassVar[str]  # the limit that its records count towards
    # The word in the names of the portal's own events, such as connector.created; None: no events.
    published_as: ClassVar[str | None]
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
        """Return the texts whose words find the record in a search."""
        return (self.id,)

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
        """Select the rows of the actor's tenant, limited to its application if it has one."""
        query = select(cls).where(cls.tenant_id == actor.tenant_id)
        if actor.app_id is not None:
            query = query.where(cls.app_scope(actor.app_id, actor.application_id))
        return query

    @classmethod
    def app_scope(cls, app_id: Any, application_id: Any) -> Any:
        """Return the condition for the rows that an application's credential may see.

        These are the rows with its `app_id` (specification, `app_id`).
        """
        return cls.app_id == app_id


R = TypeVar("R", bound=Record)


def find(
    model: type[R],
    actor: Actor,
    record_id: str,
    *,
    lock: bool = False,
    include_deleted: bool = False,
) -> R:
    """Return the actor's own record. Raise NotFound for any other id, also of another tenant.

    `lock` locks the row until the transaction ends, so that a version check is reliable.
    """
    query = model.seen_by(actor).where(model.id == record_id)
    if not include_deleted:
        query = query.where(model.is_deleted.is_(False))
    if lock:
        query = query.with_for_update(of=model).execution_options(populate_existing=True)
    record = session.scalar(query)
    if record is None:
        raise missing(model, record_id)
    return record


def missing(model: type[Record], record_id: str) -> NotFound:
    """Return the same error for a record that is missing, deleted, or another tenant's."""
    return NotFound(f"There is no {model.noun} {record_id[:60]} in this tenant, or it is deleted.")
