"""Run a request for its checks only: everything runs, the transaction is rolled back, nothing
leaves.

The edge turns it on (`portal.rest.validate_only`). What a rollback cannot undo asks `is_on`: a
commit in the middle of a request, a secret store outside of the database, the outgoing HTTP.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ClassVar

from portal.core.errors import BadRequest

_ids: ContextVar[set[str] | None] = ContextVar("ids made in a dry run", default=None)


class CannotValidate(BadRequest):
    """The request cannot be checked without doing what it asks for. Nothing was done."""

    code: ClassVar[str] = "cannot_validate"
    title: ClassVar[str] = "This operation cannot be checked without doing it"


@contextmanager
def dry_run() -> Iterator[set[str]]:
    """Run a block for its checks only; yield the set of the ULIDs that it makes."""
    made: set[str] = set()
    token = _ids.set(made)
    try:
        yield made
    finally:
        _ids.reset(token)


def is_on() -> bool:
    """Tell whether the current request is run for its checks only."""
    return _ids.get() is not None


def note_id(ulid: str) -> None:
    """Remember an id that is made for a record that will not be kept."""
    made = _ids.get()
    if made is not None:
        made.add(ulid)


def forbid() -> None:
    """Raise CannotValidate in a dry run: call it before something that cannot be undone."""
    if is_on():
        raise CannotValidate("This cannot be checked without doing it. Nothing was done.")
