"""Compile statements once for all actors who may read the same, and plan them once."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self, TypeVar

from sqlalchemy import Result, Select, bindparam

from portal.database.actor import Actor
from portal.database.session import send, send_alone, session
from portal.fast.statements import Statement

W = TypeVar("W")
MOST = 500  # statements


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement with the names of its columns."""

    statement: Statement
    names: list[str]

    @classmethod
    def of(cls, query: Select[Any]) -> Self:
        names = [str(column.key) for column in query.selected_columns]
        return cls(Statement(query, is_planned_once=True), names)


_written: dict[Any, Any] = {}


def read_written(
    actor: Actor, name: Hashable, write: Callable[[Actor], Select[Any]], *, alone: bool = False
) -> list[dict[str, Any]]:
    """Return the rows of the statement that `write` makes for an actor, by their labels.

    It is made for the first actor, with a parameter for each field that records are compared with.
    `name` stands for all else that it depends on. It compares with no list of values (`in_`).
    It begins the session's transaction, unless it is sent `alone`, for a page that needs no other.
    """
    values = _compared(actor)
    by = _kept(actor, name, values, lambda whose: _Written.of(write(whose)))
    rows = (send_alone if alone else send)(by.statement, values)
    return [dict(zip(by.names, row, strict=True)) for row in rows]


def find_written(
    actor: Actor,
    name: Hashable,
    write: Callable[[Actor, Mapping[str, Any]], Select[Any]],
    given: Mapping[str, Any],
) -> Result[Any]:
    """Return the rows of such a statement with the objects that it selects.

    `write` also gets a parameter for each of the `given` values, by its name there. PostgreSQL
    plans it as usual.
    """
    values = _compared(actor)
    named: dict[str, Any] = {key: bindparam(f"given_{key}") for key in given}
    query = _kept(actor, (name, *sorted(given)), values, lambda whose: write(whose, named))
    return session.execute(query, values | {f"given_{key}": one for key, one in given.items()})


def _kept(
    actor: Actor, name: Hashable, values: Mapping[str, Any], write: Callable[[Actor], W]
) -> W:
    """Return what `write` made for the first actor like this one."""
    shape = (name, actor.kind, actor.is_admin, actor.scopes, frozenset(values))
    if shape not in _written:
        if len(_written) >= MOST:
            _written.clear()
        named: dict[str, Any] = {name: bindparam(name) for name in values}
        _written[shape] = write(replace(actor, **named))
    kept: W = _written[shape]
    return kept


def _compared(actor: Actor) -> dict[str, Any]:
    """Return the fields of the actor that records are compared with."""
    fields = {
        "tenant_id": actor.tenant_id,
        "id": actor.id,
        "person_id": actor.person_id,
        "groups": sorted(actor.groups),
        "app_id": actor.app_id,
        "application_id": actor.application_id,
    }
    return {name: value for name, value in fields.items() if value is not None}
