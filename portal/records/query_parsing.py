"""Check the query string of a list, and write and read the cursors of its pages."""

import base64
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from portal.core.errors import BadRequest, FieldError, did_you_mean, one_of
from portal.records.bounded_search import MOST_PATIENCE

if TYPE_CHECKING:
    from portal.records.listing import Listing

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
MOST_VALUES = 200  # of one filter
CURSOR_LENGTH = 1000
NOT_OURS = "This cursor does not belong to this list. Start from the first page."
# A list of other rows than records has none of these.
OF_RECORDS = frozenset({"q", "tag", "include_deleted", "count"})
CONTROLS = frozenset({"limit", "cursor", "sort", "id"}) | OF_RECORDS

Value = str | bool | tuple[str, ...]
"""The value of a filter. A tuple has several, one of which a record must have."""


class Arguments(Protocol):
    """A parsed query string: werkzeug's MultiDict."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Query:
    """A query of a list that has already been checked."""

    filters: Mapping[str, Value] = field(default_factory=dict)
    bounds: Mapping[str, datetime] = field(default_factory=dict)
    q: str = ""
    tag: str | None = None
    sort: str = "-created_at"
    limit: int = DEFAULT_LIMIT
    cursor: "Cursor | None" = None
    show: str = ""
    include_deleted: bool = False
    count: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place between two rows: its sort, its row, and the direction to continue in.

    `patience` is how many pages in a row before it ended early (`portal.records.bounded_search`).
    """

    sort: str
    value: str
    record_id: str
    backward: bool = False
    patience: int = 0

    def encode(self) -> str:
        """Return an opaque text for a URL."""
        parts = [self.sort, self.value, self.record_id, self.backward, self.patience]
        return packed(parts)


def packed(parts: Any) -> str:
    """Return JSON as an opaque text for a URL."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def unpacked(text: str) -> Any:
    """Return the JSON of an opaque text. Raises ValueError for any other text."""
    if len(text) > CURSOR_LENGTH:
        raise ValueError("too long")
    padded = text + "=" * (-len(text) % 4)
    try:
        return json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except RecursionError as error:
        raise ValueError("too deep") from error


def parse(listing: "Listing[Any]", arguments: Arguments, without: Collection[str] = ()) -> Query:
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
    bounds = _bounds(listing, given)
    return Query(
        filters=_filters(listing, given),
        bounds=bounds,
        q=given.get("q", "")[:400],
        tag=given.get("tag") or None,
        sort=sort,
        limit=limit_of(given),
        cursor=_cursor(given.get("cursor"), sort),
        show=show,
        include_deleted=_truth("include_deleted", given) or _asks_for_deleted(bounds),
        count=_truth("count", given),
    )


def each_once(known: Collection[str], arguments: Arguments) -> dict[str, str]:
    """Return the parameters of a query string. Raise BadRequest for one that is not known, is
    there twice or has a character that PostgreSQL refuses."""
    given = {}
    for name in arguments:
        values = arguments.getlist(name)
        if name not in known:
            raise unknown(name, known)
        if len(values) > 1:
            raise refused(name, "Give this parameter once.")
        if "\x00" in values[0]:
            raise refused(name, "This has a character that is not allowed.")
        given[name] = values[0]
    return given


def flag(arguments: Mapping[str, str], name: str) -> bool:
    """Return a parameter that is true or false, and false when it is left out."""
    return _truth(name, arguments)


def unknown(name: str, known: Collection[str]) -> BadRequest:
    """Return the error for a parameter that is none of the known ones."""
    near = did_you_mean(name, sorted(known))
    return refused(name, f"There is no parameter of this name.{near}")


def refused(name: str, message: str) -> BadRequest:
    """Return the error for one parameter of the query string."""
    shown = name[:60].encode("utf-8", "replace").decode()
    return BadRequest(f"{shown}: {message}", errors=[FieldError(shown, message)])


def limit_of(given: Mapping[str, str]) -> int:
    """Return the number of rows that a page may have. Raise BadRequest if it is out of range."""
    value = given.get("limit")
    if not value:
        return DEFAULT_LIMIT
    if not (value.isascii() and value.isdigit() and len(value) < 5):
        raise refused("limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    if not 1 <= int(value) <= MAX_LIMIT:
        raise refused("limit", f"Give a whole number from 1 to {MAX_LIMIT}.")
    return int(value)


def moment_of(given: Mapping[str, str], parameter: str) -> datetime | None:
    """Return a parameter's time, in UTC if it names no zone; None if it is not given. Raise
    BadRequest if it is no time."""
    value = given.get(parameter)
    return moment(parameter, value) if value else None


def moment(parameter: str, value: str) -> datetime:
    """Return a time in UTC. Raise BadRequest that names the parameter if it is none."""
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise refused(parameter, "Give a date and time such as 2026-01-31T09:00:00Z.") from None


def _truth(name: str, given: Mapping[str, str]) -> bool:
    value = given.get(name, "")
    if value not in ("true", "false", ""):
        raise refused(name, "Give true or false.")
    return value == "true"


def _filters(listing: "Listing[Any]", given: Mapping[str, str]) -> dict[str, Value]:
    filters: dict[str, Value] = {}
    for name in listing.filter_names:
        if given.get(name, "") == "":
            continue
        if listing.is_switch(name):
            filters[name] = _truth(name, given)
            continue
        values = _values(name, given[name]) if listing.takes_several(name) else (given[name],)
        for value in values if name in listing.choices else ():
            if value not in listing.choices[name]:
                raise refused(name, one_of(value, listing.choices[name]))
        filters[name] = values if len(values) > 1 else values[0]
    return filters


def _values(name: str, given: str) -> tuple[str, ...]:
    """Return the different values between commas, sorted."""
    values = given.split(",")
    if "" in values:
        raise refused(name, "Give a value before and after each comma.")
    if len(values) > MOST_VALUES:
        raise refused(name, f"Give at most {MOST_VALUES} values.")
    return tuple(sorted(set(values)))


def stem(name: str) -> str:
    """Return the beginning of the parameters for a time: `created_at` → `created`."""
    return name.removesuffix("_at")


def _bounds(listing: "Listing[Any]", given: Mapping[str, str]) -> dict[str, datetime]:
    bounds = {}
    for name in listing.ranges:
        for end in ("after", "before"):
            if found := moment_of(given, f"{stem(name)}_{end}"):
                bounds[f"{name} {end}"] = found
    return bounds


def _asks_for_deleted(bounds: Collection[str]) -> bool:
    return any(key.split()[0] == "deleted_at" for key in bounds)


def _cursor(value: str | None, sort: str) -> Cursor | None:
    if not value:
        return None
    try:
        cursor = Cursor(*unpacked(value))
    except (ValueError, TypeError):
        raise refused("cursor", NOT_OURS) from None
    texts = (cursor.sort, cursor.value, cursor.record_id)
    readable = all(isinstance(part, str) and part.isprintable() for part in texts)
    if not readable or not isinstance(cursor.backward, bool) or cursor.sort != sort:
        raise refused("cursor", NOT_OURS)
    if type(cursor.patience) is not int or not 0 <= cursor.patience <= MOST_PATIENCE:
        raise refused("cursor", NOT_OURS)
    return cursor
