"""Read the overview: the columns of all features with one statement, the audit log with another."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select

from portal.database.actor import Actor
from portal.database.session import send
from portal.fast.statements import Statement
from portal.overview.parts import Change, Figure, Need, Source, Step, Tally
from portal.overview.sentence import Sentence, written

CHANGES = 8
MOST_WRITTEN = 100  # statements; one for all who may read the same


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that the overview shows, in its order."""

    at: datetime
    sentence: Sentence
    figures: Sequence[Figure]
    needs: Sequence[Need]
    more: Sequence[Tally]
    changes: Sequence[Change]
    steps: Sequence[Step]

    @property
    def following(self) -> Step | None:
        """Return the first step that is not done; None if all are."""
        return next((step for step in self.steps if not step.done), None)


def look(actor: Actor, sources: Sequence[Source]) -> Overview:
    """Return the overview of the actor's tenant, as far as the actor may read it."""
    now, found = _read(actor, sources)
    told = [source.tell(actor, part, now) for source, part in zip(sources, found, strict=True)]
    needs = sorted(
        (need for part in told for need in part.needs),
        key=lambda need: (need.harm, need.since is None, need.since or now, need.id),
    )
    tallies = [tally for part in told for tally in part.tallies if tally.number]
    tallies.sort(key=lambda tally: tally.harm)
    changes = sorted((one for part in told for one in part.changes), key=lambda one: one.at)
    return Overview(
        at=now,
        sentence=written(
            needs,
            tallies,
            [text for part in told for text in part.clear],
            is_used=any(part.is_used for part in told),
        ),
        figures=sorted((one for part in told for one in part.figures), key=lambda one: one.order),
        needs=needs,
        more=[tally for tally in tallies if tally.number > tally.listed],
        changes=changes[::-1][:CHANGES],
        steps=sorted((step for part in told for step in part.steps), key=lambda step: step.order),
    )


@dataclass(frozen=True, slots=True)
class _Written:
    """A statement, and the names of the columns of each source, after the time."""

    statement: Statement
    names: Sequence[Sequence[str]]


_written: dict[Any, _Written] = {}


def _read(actor: Actor, sources: Sequence[Source]) -> tuple[datetime, list[dict[str, Any]]]:
    """Return the database's time, and what each source asked for by its names.

    The statement is long: it is compiled once for all who may read the same.
    """
    values = _compared(actor)
    shape = (actor.kind, actor.is_admin, actor.scopes, frozenset(values), tuple(sources))
    if shape not in _written:
        if len(_written) >= MOST_WRITTEN:
            _written.clear()
        _written[shape] = _write(actor, sources, values)
    by = _written[shape]
    [(now, *row)] = send(by.statement, values)
    found = iter(row)
    return now, [{name: next(found) for name in names} for names in by.names]


def _compared(actor: Actor) -> dict[str, Any]:
    """Return the fields of the actor that records are compared with."""
    fields = {
        "tenant_id": actor.tenant_id,
        "person_id": actor.person_id,
        "groups": sorted(actor.groups),
        "app_id": actor.app_id,
        "application_id": actor.application_id,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _write(actor: Actor, sources: Sequence[Source], values: dict[str, Any]) -> _Written:
    named: dict[str, Any] = {name: bindparam(name) for name in values}
    whose = replace(actor, **named)
    asked = [source.ask(whose) for source in sources]
    columns = [column for wanted in asked for column in wanted.values()]
    statement = Statement(select(func.now(), *columns), is_planned_once=True)
    return _Written(statement, [list(one) for one in asked])
