"""Declare what a list can be filtered, searched and sorted by."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, Literal, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    String,
    any_,
    literal,
    literal_column,
    or_,
    select,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from portal.database.record import Record
from portal.fast.statements import Statement

R = TypeVar("R", bound=Record)
FINGERPRINT = re.compile(r"[0-9a-f]{64}")
EARLIEST = "'0001-01-01 00:00:00+00'::timestamptz"
# A list of other rows than records has none of these.
OF_RECORDS = frozenset({"q", "tag", "include_deleted", "count"})
CONTROLS = frozenset({"limit", "cursor", "sort", "id"}) | OF_RECORDS

Column = InstrumentedAttribute[Any]
Value = str | bool | tuple[str, ...]
"""The value of a filter. A tuple has several, one of which a record must have."""
How = Literal["is", "not", "contains", "empty", "after", "before"]
"""The ways to compare a field with a value."""


def stem(name: str) -> str:
    """Return the beginning of the parameters for a time: `created_at` → `created`."""
    return name.removesuffix("_at")


def time_or_earliest(column: str) -> str:
    """Return SQL for a time that may be missing, to sort by: what has none comes before the rest,
    so it is last where the newest are first. An index needs this very text."""
    # Not coalesce, which PostgreSQL takes to be leaky: its index would not serve row security.
    return f"(CASE WHEN {column} IS NULL THEN {EARLIEST} ELSE {column} END)"


def sorted_time(column: Column) -> Any:
    """Return the expression of `time_or_earliest` for a list's `sorts`."""
    # With the table's name, because a list may join others.
    text = time_or_earliest(f"{column.class_.__tablename__}.{column.key}")
    return type_coerce(literal_column(text), DateTime(timezone=True))


@dataclass(frozen=True)
class Beside:
    """A table with one row for each record, which some orders and views of a list read.

    `id` is its column with the record's id. If a list is sorted by this table, the table's index
    provides the whole order.
    """

    model: Any
    on: ColumnElement[bool]
    id: Column


@dataclass(frozen=True)
class Side:
    """A table with a row for each of the values that a record has of one kind, to filter by them.

    `value` and `id` are its columns, after the tenant's in its primary key. `matching` returns the
    values of which a record must have one, for a value in the query string.
    """

    model: Any
    value: Column
    id: Column
    matching: Callable[[str], Sequence[str]]

    def values(self, given: Value) -> list[str]:
        """Return the values of which a record must have one."""
        texts = given if isinstance(given, tuple) else (str(given),)
        return sorted({value for one in texts for value in self.matching(one)})

    def array(self, given: Any) -> Any:
        """Return these values as an array. `given` may also be one."""
        if isinstance(given, str | tuple):
            return literal(self.values(given), ARRAY(String))
        return given

    def rows(self, tenant_id: Any, value: Any) -> Select[str]:
        """Select the ids of the records with this value."""
        return select(self.id).where(self.model.tenant_id == tenant_id, self.value == value)

    def probe(self, tenant_id: str, given: Value, record_id: Any) -> ColumnElement[bool]:
        """Return the condition that one record has one of the values, with one index lookup."""
        own = self.rows(tenant_id, any_(self.array(given))).where(self.id == record_id)
        # Without the offset, PostgreSQL may turn it into a join that reads every such record.
        return own.offset(0).exists()


@dataclass(frozen=True)
class View:
    """A named condition on records that an index supports. `sort` is its natural order."""

    label: str
    condition: Callable[[], ColumnElement[bool]]
    sort: str = ""
    beside: bool = False


@dataclass(frozen=True)
class Listing(Generic[R]):
    """Define the filters, orders and views of one resource's list.

    - `filters` are compared for equality; `choices` are the allowed values of some of them.
    - `several`: filters that take several values, separated by commas. No value may have a comma.
    - `once_single`: filters of `several` that took one value in an earlier release. The OpenAPI
      document still calls them a text, for programs that were generated from it.
    - `apart`: filters of `several` with one index per value and no combined index.
    - `sides`: filters by a value in another table. They take several values, too.
    - `ranges`: times, or what `sorted_time` makes of them, queried with `<name>_after` and
      `<name>_before` (`created_at` → `created_after`). `days`: the indexed columns with the day of
      some of these times.
    - `quick`: the filters, times and `show` whose number of matches an index tells.
    - `sorts` maps a name to a column that is never null. `views` are chosen with `show`.
    - `overseen`: the filters and times that an admin may use on records they may not read. Other
      filters, and words, find only records that the admin may read.
    - `beside`: the table that `beside_sorts`, `days` and some of the views read.
    - `fingerprint`: the filter to use if the search text is a SHA-256.
    - `combines`: filters can be negated (`<name>_not`) and joined by `either`. `texts` can be
      searched for a part (`<name>_contains`), and `optional` are filters and times that a record
      may lack (`<name>_empty`). No index answers these: see `portal.records.lists.page_statement`.
    - `is_keyed`: no index has the id alone, only after the column of the sort.
    - `prefixes`: the beginnings of its ids, if they are not the model's `id_prefix`.
    """

    model: type[R]
    filters: Mapping[str, Column] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    several: Collection[str] = ()
    once_single: Collection[str] = ()
    apart: Collection[str] = ()
    sides: Mapping[str, Side] = field(default_factory=dict)
    quick: Collection[str] = ()
    ranges: Mapping[str, Column] = field(default_factory=dict)
    days: Mapping[str, Column] = field(default_factory=dict)
    sorts: Mapping[str, Column] = field(default_factory=dict)
    default_sort: str = "-created_at"
    views: Mapping[str, View] = field(default_factory=dict)
    fingerprint: str = ""
    overseen: Collection[str] = ()
    combines: bool = False
    texts: Mapping[str, Column] = field(default_factory=dict)
    optional: Mapping[str, Column] = field(default_factory=dict)
    is_keyed: bool = False
    prefixes: Collection[str] = ()
    beside: Beside | None = None
    beside_sorts: Mapping[str, Column] = field(default_factory=dict)
    written: "dict[Any, Statement | Select[Any]]" = field(
        default_factory=dict, init=False, compare=False
    )

    def column(self, sort: str) -> Column:
        """Return the column of a sort, ascending or descending."""
        name = sort.removeprefix("-")
        return self.beside_sorts[name] if name in self.beside_sorts else self.sorts[name]

    @property
    def sort_names(self) -> list[str]:
        """Return the names that `sort` may have."""
        return sorted({*self.sorts, *self.beside_sorts})

    @property
    def filter_names(self) -> list[str]:
        """Return the parameters that are compared with a value."""
        return ["id", *self.filters, *self.sides]

    def parameters(self) -> frozenset[str]:
        """Return every parameter name that the query string may have."""
        more = ({"show"} if self.views else set()) | ({"either"} if self.combines else set())
        return CONTROLS | self.comparisons.keys() | more

    @cached_property
    def comparisons(self) -> Mapping[str, tuple[str, How]]:
        """Return the parameters that compare a field: its name, and how it is compared."""
        has_tags = issubclass(self.model, Record)
        found: dict[str, tuple[str, How]] = {"tag": ("tag", "is")} if has_tags else {}
        found |= {name: (name, "is") for name in (*self.filters, *self.sides)}
        for name in self.ranges:
            found |= {
                f"{stem(name)}_after": (name, "after"),
                f"{stem(name)}_before": (name, "before"),
            }
        if self.combines:
            negated = (*self.filters, *self.sides, *(("tag",) if has_tags else ()))
            found |= {f"{n}_not": (n, "not") for n in negated if not self.is_switch(n)}
        found |= {f"{name}_contains": (name, "contains") for name in self.texts}
        return found | {f"{self.stem_of(n)}_empty": (n, "empty") for n in self.optional}

    @cached_property
    def beginnings(self) -> tuple[str, ...]:
        """Return what the ids of its rows begin with."""
        prefixes = self.prefixes or (self.model.id_prefix,)
        return tuple(f"{prefix}_" for prefix in prefixes)

    def stem_of(self, name: str) -> str:
        """Return the beginning of the parameters of a field."""
        return stem(name) if name in self.ranges else name

    def is_switch(self, name: str) -> bool:
        """Tell whether a filter is either true or false."""
        return name in self.filters and self.filters[name].type.python_type is bool

    def takes_several(self, name: str) -> bool:
        """Tell whether a filter takes several values, with commas between them."""
        return name == "id" or name in self.several or name in self.sides

    def is_closed(self, name: str) -> bool:
        """Tell whether a filter has few possible values."""
        return name in self.choices or self.is_switch(name)

    def condition(self, name: str, value: Any, tenant_id: Any) -> ColumnElement[bool]:
        """Return the condition of a filter. `value` may also be an expression."""
        if side := self.sides.get(name):
            rows = side.rows(tenant_id, any_(side.array(value)))
            found: ColumnElement[bool] = self.model.id.in_(rows)
            return found
        column: Any = self.model.id if name == "id" else self.filters[name]
        if isinstance(value, tuple) and self.is_closed(name):
            return or_(*(column == one for one in value))
        is_one_of: ColumnElement[bool] = column == _any_of(value)
        return is_one_of


def _any_of(value: Any) -> Any:
    return any_(literal(list(value), ARRAY(String))) if isinstance(value, tuple) else value
