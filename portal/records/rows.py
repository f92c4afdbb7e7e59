"""Read records as plain rows, without objects: a row costs a third of an object.

The columns are the fields of the document, in its order. So SQL must be able to compute every field
of a document: as a column, a hybrid or a column property of the model.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sqlalchemy import Select, bindparam, select

from portal.core.precedence import give_way
from portal.database.actor import Actor
from portal.database.record import Record, missing
from portal.database.session import send_alone
from portal.fast.statements import Statement


@dataclass(frozen=True)
class Rows:
    """Read the `fields` of `model`."""

    model: type[Record]
    fields: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[Any, ...]:
        """Return the SQL expression of each field."""
        return tuple(getattr(self.model, name).label(name) for name in self.fields)

    def document(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the row as the specification writes it, without the values after its fields."""
        give_way()
        return dict(zip(self.fields, row, strict=False))

    def one(self, actor: Actor, record_id: str) -> dict[str, Any]:
        """Return the actor's own live record. Raise NotFound otherwise.

        This does the same as `portal.database.record.find`, without creating an object.
        """
        statement = self._for_anybody if actor.app_id is None else self._for_an_application
        for row in send_alone(statement, _names(actor, record_id)):
            return self.document(row)
        raise missing(self.model, record_id)

    @cached_property
    def _for_anybody(self) -> Statement:
        return Statement(self._one)

    @cached_property
    def _for_an_application(self) -> Statement:
        scope = self.model.app_scope(bindparam("app_id"), bindparam("application_id"))
        return Statement(self._one.where(scope))

    @property
    def _one(self) -> Select[Any]:
        model = self.model
        return select(*self.columns).where(
            model.tenant_id == bindparam("tenant_id"),
            model.id == bindparam("id"),
            model.is_deleted.is_(False),
        )


def _names(actor: Actor, record_id: str) -> Mapping[str, Any]:
    names = {"tenant_id": actor.tenant_id, "id": record_id}
    if actor.app_id is not None:
        names |= {"app_id": actor.app_id, "application_id": actor.application_id or ""}
    return names
