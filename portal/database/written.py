"""Compile statements once for all actors who may read the same, and plan them once."""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Select, bindparam

from portal.database.actor import Actor
from portal.database.session import send
from portal.fast.statements import Statement

MOST = 500  # statements


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement with the names of its columns."""

    statement: Statement
    names: list[str]


_written: dict[Any, _Written] = {}


def read_written(
    actor: Actor, name: Hashable, write: Callable[[Actor], Select[Any]]
) -> list[dict[str, Any]]:
    """Return the rows of the statement that `write` makes for an actor, by their labels.

    It is made for the first actor, with a parameter for each field that records are compared with.
    `name` stands for all else that it depends on. It compares with no list of values (`in_`).
    """
    values = _compared(actor)
    shape = (name, actor.kind, actor.is_admin, actor.scopes, frozenset(values))
    if shape not in _written:
        if len(_written) >= MOST:
            _written.clear()
        _written[shape] = _write(actor, write, values)
    by = _written[shape]
    return [dict(zip(by.names, row, strict=True)) for row in send(by.statement, values)]


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


def _write(actor: Actor, write: Callable[[Actor], Select[Any]], values: dict[str, Any]) -> _Written:
    named: dict[str, Any] = {name: bindparam(name) for name in values}
    query = write(replace(actor, **named))
    names = [str(column.key) for column in query.selected_columns]
    return _Written(Statement(query, is_planned_once=True), names)
