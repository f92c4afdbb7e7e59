"""Check what a query string asks of a list."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, cast

from portal.core.errors import did_you_mean, one_of
from portal.records.lists import cursors
from portal.records.lists.cursors import Cursor
from portal.records.lists.declaration import How, Listing, Value, stem
from portal.records.lists.parameters import (
    DEFAULT_LIMIT,
    Arguments,
    each_once,
    limit_of,
    moment,
    moment_of,
    refused,
    truth,
)

MOST_VALUES = 200  # of one filter
TEXT_LENGTH = 400


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of a field that may have no index, so that it is made record by record."""

    parameter: str
    name: str
    how: How
    value: Value | datetime


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a list that has already been checked.

    Every one of `clauses` must be true, and one of `either`, if there are any.
    """

    filters: Mapping[str, Value] = field(default_factory=dict)
    bounds: Mapping[str, datetime] = field(default_factory=dict)
    clauses: tuple[Clause, ...] = ()
    either: tuple[Clause, ...] = ()
    q: str = ""
    tag: str | None = None
    sort: str = "-created_at"
    limit: int = DEFAULT_LIMIT
    cursor: Cursor | None = None
    show: str = ""
    include_deleted: bool = False
    count: bool = False

    @property
    def is_loose(self) -> bool:
        """Tell whether records are compared one by one, so that a page may end early."""
        return bool(self.clauses or self.either)

    @property
    def is_narrowed(self) -> bool:
        """Tell whether anything hides records from the list."""
        narrowing = (self.q, self.tag, self.filters, self.bounds, self.show, self.is_loose)
        return any(narrowing)


def parse(listing: Listing[Any], arguments: Arguments, without: Collection[str] = ()) -> Query:
    """Return the checked query in a query string. Raise BadRequest that names a wrong parameter.

    `without` are parameters of the listing that this query string must not have.
    """
    given = each_once(listing.parameters().difference(without), arguments)
    show = given.get("show", "")
    if show and show not in listing.views:
        raise refused("show", one_of(show, listing.views))
    natural = listing.views[show].sort if show else ""
    sort = given.get("sort") or natural or listing.default_sort
    if sort.removeprefix("-") not in listing.sort_names:
        near = did_you_mean(sort.removeprefix("-"), listing.sort_names)
        names = ", ".join(listing.sort_names)
        raise refused("sort", f"Choose one of {names}, with - for down.{near}")
    group = _group(listing, given)
    alone = {name: value for name, value in given.items() if name not in group}
    bounds, either = _bounds(listing, alone), _clauses(listing, given, group)
    return Query(
        filters=_filters(listing, alone),
        bounds=bounds,
        clauses=_clauses(listing, alone, _compared(listing, alone)),
        either=either,
        q=given.get("q", "")[:TEXT_LENGTH],
        tag=alone.get("tag") or None,
        sort=sort,
        limit=limit_of(given),
        cursor=cursors.read(given.get("cursor"), sort, listing.beginnings),
        show=show,
        include_deleted=truth("include_deleted", given) or _asks_for_deleted(bounds, either),
        count=truth("count", given),
    )


def one_by_one(query: Query, names: Collection[str]) -> Query:
    """Return the query with its filters and times of these names as clauses: no index answers them,
    so that a page looks at a limited number of records for them."""
    filters = {name: value for name, value in query.filters.items() if name not in names}
    bounds = {key: at for key, at in query.bounds.items() if key.split()[0] not in names}
    found = [
        Clause(name, name, "is", value) for name, value in query.filters.items() if name in names
    ]
    for key, at in query.bounds.items():
        name, end = key.split()
        if name in names:
            found.append(Clause(key, name, cast("How", end), at))
    return replace(query, filters=filters, bounds=bounds, clauses=(*query.clauses, *found))


def _group(listing: Listing[Any], given: Mapping[str, str]) -> list[str]:
    """Return the given parameters one of which must be true. One alone is no group."""
    if not given.get("either"):
        return []
    named = _values("either", given["either"])
    for name in named:
        if name not in listing.comparisons:
            raise refused("either", one_of(name, sorted(listing.comparisons)))
    group = [name for name in named if given.get(name)]
    return group if len(group) > 1 else []


def _compared(listing: Listing[Any], given: Mapping[str, str]) -> list[str]:
    """Return the given parameters that are always clauses: no index answers them."""
    always = ("not", "contains", "empty")
    return [
        name for name, (_, how) in listing.comparisons.items() if how in always and given.get(name)
    ]


def _clauses(
    listing: Listing[Any], given: Mapping[str, str], names: Collection[str]
) -> tuple[Clause, ...]:
    return tuple(_clause(listing, parameter, given) for parameter in names)


def _clause(listing: Listing[Any], parameter: str, given: Mapping[str, str]) -> Clause:
    name, how = listing.comparisons[parameter]
    if how in ("is", "not"):
        return Clause(parameter, name, how, _value(listing, name, parameter, given))
    if how == "empty":
        return Clause(parameter, name, how, truth(parameter, given))
    if how == "contains":
        return Clause(parameter, name, how, given[parameter][:TEXT_LENGTH])
    return Clause(parameter, name, how, moment(parameter, given[parameter]))


def _filters(listing: Listing[Any], given: Mapping[str, str]) -> dict[str, Value]:
    return {
        name: _value(listing, name, name, given)
        for name in listing.filter_names
        if given.get(name, "") != ""
    }


def _value(listing: Listing[Any], name: str, parameter: str, given: Mapping[str, str]) -> Value:
    """Return what a filter is compared with. Raise BadRequest that names the parameter."""
    text = given[parameter]
    if listing.is_switch(name):
        return truth(parameter, given)
    values = values_of(listing, parameter, text)
    for value in values if name in listing.choices else ():
        if value not in listing.choices[name]:
            raise refused(parameter, one_of(value, listing.choices[name]))
    return values if len(values) > 1 else values[0]


def values_of(listing: Listing[Any], parameter: str, text: str) -> tuple[str, ...]:
    """Return the different values that a filter is compared with, sorted. Raise BadRequest that
    names the parameter."""
    name, how = listing.comparisons.get(parameter, (parameter, "is"))
    if not listing.takes_several(name):
        return (text,)
    # What took any text in an earlier release still does. Not so a negation, which would find what
    # it is to leave out.
    if how == "is" and name in listing.once_single and not _is_list(text):
        return (text,)
    values = _values(parameter, text)
    if listing.is_closed(name):
        return values
    return tuple(sorted({value.strip() or value for value in values}))  # people type "a, b"


def _is_list(text: str) -> bool:
    values = text.split(",")
    return "" not in values and len(values) <= MOST_VALUES


def _values(name: str, given: str) -> tuple[str, ...]:
    """Return the different values between commas, sorted."""
    values = given.split(",")
    if "" in values:
        raise refused(name, "Give a value before and after each comma.")
    if len(values) > MOST_VALUES:
        raise refused(name, f"Give at most {MOST_VALUES} values.")
    return tuple(sorted(set(values)))


def _bounds(listing: Listing[Any], given: Mapping[str, str]) -> dict[str, datetime]:
    bounds = {}
    for name in listing.ranges:
        for end in ("after", "before"):
            if found := moment_of(given, f"{stem(name)}_{end}"):
                bounds[f"{name} {end}"] = found
    return bounds


def _asks_for_deleted(bounds: Collection[str], either: Collection[Clause]) -> bool:
    times = {key.split()[0] for key in bounds} | {clause.name for clause in either}
    return "deleted_at" in times
