"""Properties of a record that belongs to an application: that application and its status.

A record does nothing while its application is suspended or retired.
"""

from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, declared_attr, foreign, relationship, remote

from portal.applications.models import STOPPED, Application


class OfApplication:
    """A mixin for models with `tenant_id` and `application_id`."""

    application_id: Mapped[str | None]

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
        return func.coalesce(cls.application_status, "").in_(sorted(STOPPED))
