"""Properties of a record that belongs to an application: that application and its status.

A record does nothing while its application is suspended or retired.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy import and_, case, func, literal_column, or_, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, foreign, relationship, remote

from portal.applications.models import STOPPED, Application
from portal.core.errors import Forbidden
from portal.database.actor import Actor
from portal.database.record import stopped_obstacle

if TYPE_CHECKING:
    from portal.database.record import Record as _Of
else:
    _Of = object


class OfApplication(_Of):
    """A mixin for records with `application_id`.

    An application's credential sees the records that it made (`app_id`) and those of its
    application. What it did not make it may read, not change; `is_changed_by_owner` is for kinds
    that it may change nevertheless.
    """

    application_id: Mapped[str | None]
    is_changed_by_owner: ClassVar[bool] = False

    @classmethod
    def app_scope(cls, app_id: Any, application_id: Any) -> Any:
        return or_(cls.app_id == app_id, cls.application_id == application_id)

    @property
    def restore_obstacle(self) -> str | None:
        """Return why the deleted record cannot be restored now, or None."""
        return stopped_obstacle(self.application_status if self.is_stopped else None)

    @classmethod
    def stopped_as(cls) -> Any:
        return case((cls.is_stopped, cls.application_status))

    def permit(self, actor: Actor, fields: Collection[str]) -> None:
        super().permit(actor, fields)
        if actor.app_id in (None, self.app_id) or self.is_changed_by_owner:
            return
        raise Forbidden(
            f"This {self.noun} belongs to your application, but your application did not make it:"
            " you may read it and not change it. Ask an editor or admin of your tenant to do so."
        )

    @declared_attr
    def owning_application(cls) -> Mapped[Application | None]:  # noqa: N805 - a class, see SQLAlchemy
        """Return the application that the record belongs to, loaded on first access."""
        owned: Any = cls
        return relationship(
            Application,
            primaryjoin=lambda: and_(
                owned.tenant_id == remote(Application.tenant_id),
                foreign(owned.application_id) == remote(Application.id),
            ),
            viewonly=True,
        )

    @hybrid_property
    def application_status(self) -> str | None:
        """Return the status of the record's application; None for a record of the whole tenant."""
        # Check the id first: without one, the relationship would still query the database.
        if self.application_id is None or self.owning_application is None:
            return None
        return self.owning_application.status

    @application_status.inplace.expression
    @classmethod
    def _application_status(cls) -> Any:
        owned: Any = cls
        return (
            select(Application.status)
            .where(Application.tenant_id == owned.tenant_id, Application.id == owned.application_id)
            .scalar_subquery()
        )

    @hybrid_property
    def is_stopped(self) -> bool:
        """Tell whether the record's application is suspended or retired."""
        return self.application_status in STOPPED

    @is_stopped.inplace.expression
    @classmethod
    def _is_stopped(cls) -> Any:
        # As literals, so that a statement with it can be written once.
        stopped: list[Any] = [literal_column(f"'{status}'") for status in sorted(STOPPED)]
        return func.coalesce(cls.application_status, "").in_(stopped)
