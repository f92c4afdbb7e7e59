"""Read the parameters of a query string, and refuse a wrong one by its name."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Protocol

from portal.core.errors import BadRequest, FieldError, did_you_mean
from portal.core.key_shape import shown

DEFAULT_LIMIT = 50
MAX_LIMIT = 200


class Arguments(Protocol):
    """A parsed query string: werkzeug's MultiDict."""

    def __iter__(self) -> Iterator[str]: ...
    def getlist(self, key: str) -> list[str]: ...


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


def unknown(name: str, known: Collection[str]) -> BadRequest:
    """Return the error for a parameter that is none of the known ones."""
    near = did_you_mean(name, sorted(known))
    return refused(name, f"There is no parameter of this name.{near}")


def refused(name: str, message: str) -> BadRequest:
    """Return the error for one parameter of the query string."""
    field = shown(name).encode("utf-8", "replace").decode()
    return BadRequest(f"{field}: {message}", errors=[FieldError(field, message)])


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


def truth(name: str, given: Mapping[str, str]) -> bool:
    """Return a parameter that is true or false, and false when it is left out. Raise BadRequest
    for any other text."""
    value = given.get(name, "")
    if value not in ("true", "false", ""):
        raise refused(name, "Give true or false.")
    return value == "true"
