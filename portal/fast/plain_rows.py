"""Read records as plain rows, without objects: a row costs a third of an object.

The columns are the fields of the document, in its order. So SQL must be able to compute every field
of a document: as a column, a hybrid or a column property of the model.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import ARRAY, ColumnElement, String, any_, bindparam, func, select, true

from portal.core.threads.precedence import give_way
from portal.fast.statements import Statement

if TYPE_CHECKING:
    from portal.database.record import Record


PAGE = "app.page"
"""The ids of a page, with commas between them: a setting of the transaction."""


@dataclass(frozen=True)
class Rows:
    """Read the `fields` of `model`. `also` has the SQL of those that the model has no attribute
    for."""

    model: "type[Record]"
    fields: tuple[str, ...]
    also: Mapping[str, Callable[[], ColumnElement[Any]]] = field(
        default_factory=dict, compare=False
    )
    written: dict[Hashable, Statement] = field(default_factory=dict, init=False, compare=False)

    @cached_property
    def columns(self) -> tuple[Any, ...]:
        """Return the SQL expression of each field."""
        return tuple(self._column(name).label(name) for name in self.fields)

    def _column(self, name: str) -> Any:
        return self.also[name]() if name in self.also else getattr(self.model, name)

    def document(self, row: Sequence[Any]) -> dict[str, Any]:
        """Return the row as the specification writes it, without the values after its fields."""
        give_way()
        return dict(zip(self.fields, row, strict=False))

    @cached_property
    def of_page(self) -> Statement:
        """Return the statement that reads the records of the page in PAGE, in any order; parameter:
        `tenant_id`. A row ends with its id. PostgreSQL plans it once."""
        tenant_id: Any = bindparam("tenant_id")
        ids: Any = func.string_to_array(func.current_setting(PAGE), ",", type_=ARRAY(String))
        own = (self.model.tenant_id == tenant_id, self.model.id == any_(ids))
        return Statement(select(*self.columns, self.model.id).where(*own), is_planned_once=True)

    def one(self, kind: Hashable, audience: Callable[[], ColumnElement[bool] | None]) -> Statement:
        """Return the statement that reads one live record, for actors of one kind, whom `audience`
        describes; parameters: `tenant_id`, `id`, and those of the audience."""
        if kind not in self.written:
            self.written[kind] = self._one(audience())
        return self.written[kind]

    def _one(self, audience: ColumnElement[bool] | None) -> Statement:
        model = self.model
        return Statement(
            select(*self.columns).where(
                model.tenant_id == bindparam("tenant_id"),
                model.id == bindparam("id"),
                model.is_deleted.is_(False),
                true() if audience is None else audience,
            )
        )
