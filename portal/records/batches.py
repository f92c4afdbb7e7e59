"""Create many records with one call: all of them or none, or each on its own."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from portal.core.errors import Conflict, FieldError, Invalid, PortalError
from portal.database.actor import Actor
from portal.database.session import session

C = TypeVar("C")
M = TypeVar("M")
MOST_ERRORS = 100  # that one answer names

_is_running: ContextVar[bool] = ContextVar("several records are created", default=False)


def is_running() -> bool:
    """Tell whether this call creates several records: then fewer of them may be asked for."""
    return _is_running.get()


@contextmanager
def _batch_of(commands: Sequence[Any]) -> Iterator[None]:
    token = _is_running.set(len(commands) > 1)
    try:
        yield
    finally:
        _is_running.reset(token)


def all_or_none(
    actor: Actor,
    commands: Sequence[C],
    create: Callable[[Actor, C], M],
    create_all: Callable[[Actor, Sequence[C]], Sequence[M]] | None = None,
) -> list[M]:
    """Create a record by each command. Raises Conflict or Invalid that names every item that is
    refused, as `items.3.slug`, and QuotaReached; then nothing may be committed.

    `create_all` creates them together, if there is a faster way than one after the other.
    """
    try:
        with _batch_of(commands), session.begin_nested():
            if create_all is not None:
                return list(create_all(actor, commands))
            return [create(actor, command) for command in commands]
    except (Conflict, Invalid) as error:
        if not error.errors:
            raise  # it is about all of them
        # Which of them it was, and whether others are refused too, shows one by one.
    made = each_alone(actor, commands, create)
    refused = {number: one for number, one in enumerate(made) if isinstance(one, PortalError)}
    raise_together(refused)
    return [one for one in made if not isinstance(one, PortalError)]


def each_alone(
    actor: Actor, commands: Sequence[C], create: Callable[[Actor, C], M]
) -> list[M | PortalError]:
    """Create a record by each command that is not refused; return it, or the error, for each."""
    made: list[M | PortalError] = []
    for command in commands:
        try:
            with _batch_of(commands), session.begin_nested():
                made.append(create(actor, command))
        except PortalError as error:
            made.append(error)
    return made


def raise_together(refused: Mapping[int, PortalError]) -> None:
    """Raise one error for all refused items, if there are any; `refused` maps an item's number to
    its error. An error that is about no field is raised as it is."""
    for error in refused.values():
        if not isinstance(error, Conflict | Invalid) or not error.errors:
            raise error
    if not refused:
        return
    named = [
        FieldError(f"items.{number}.{one.field}", one.message)
        for number, error in refused.items()
        for one in error.errors
    ][:MOST_ERRORS]
    if all(isinstance(error, Conflict) for error in refused.values()):
        raise Conflict(f"{named[0].field}: {named[0].message}", errors=named)
    raise Invalid(named)


def checked(read: Callable[[Any], C], items: Sequence[Any]) -> list[C | PortalError]:
    """Return the validated command of each item, or the error."""
    found: list[C | PortalError] = []
    for item in items:
        try:
            found.append(read(item))
        except PortalError as error:
            found.append(error)
    return found
