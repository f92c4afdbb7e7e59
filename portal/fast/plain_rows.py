"""Read records as plain rows, without objects: a row costs a third of an object.

The columns are the fields of the document, in its order. So SQL must be able to compute every field
of a document: as a column, a hybrid or a column property of the model.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, select

from portal.core.precedence import give_way
from portal.fast.statements import Statement

if TYPE_CHECKING:
    from portal.database.record import Record


@dataclass(frozen=True)
class Rows:
    """Read the `fields` of `model`."""

    model: "type[Record]"
    fields: tuple[str, ...]

    @cached_property
    def columns(self) -> tuple[Any, ...]:
        """Return the SQL expression of each field."""
        return tuple(getattr(self.model, name).label(name) for name in self.fields)

    def document(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the row as the specification writes it, without the values after its fields."""
        give_way()
        return dict(zip(self.fields, row, strict=False))

    @cached_property
    def of_tenant(self) -> Statement:
        """Return the statement that reads one live record; parameters: `tenant_id`, `id`."""
        return Statement(self._one)

    @cached_property
    def of_application(self) -> Statement:
        """Return the same statement, narrowed to what an application's credential may see;
        parameters also: `app_id`, `application_id`."""
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
