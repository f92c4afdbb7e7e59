"""Read the overview: the columns of all features with one statement, the audit log with another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select

from portal.database.actor import Actor
from portal.database.written import read_written
from portal.overview.parts import Change, Figure, Need, Source, Step, Tally
from portal.overview.sentence import Sentence, written

CHANGES = 8


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
    parts = [source.part(actor, one, now) for source, one in zip(sources, found, strict=True)]
    needs = sorted(
        (need for part in parts for need in part.needs),
        key=lambda need: (need.harm, need.since is None, need.since or now, need.id),
    )
    tallies = [tally for part in parts for tally in part.tallies if tally.number]
    tallies.sort(key=lambda tally: tally.harm)
    changes = sorted((one for part in parts for one in part.changes), key=lambda one: one.at)
    return Overview(
        at=now,
        sentence=written(
            needs,
            tallies,
            [text for part in parts for text in part.clear],
            is_used=any(part.is_used for part in parts),
        ),
        figures=sorted((one for part in parts for one in part.figures), key=lambda one: one.order),
        needs=needs,
        more=[tally for tally in tallies if tally.number > tally.listed],
        changes=changes[::-1][:CHANGES],
        steps=sorted((step for part in parts for step in part.steps), key=lambda step: step.order),
    )


def _read(actor: Actor, sources: Sequence[Source]) -> tuple[datetime, list[dict[str, Any]]]:
    """Return the database's time, and what each source asked for by its names."""

    def written(actor: Actor) -> Select[Any]:
        columns: list[Any] = [
            column.label(f"{place} {name}")
            for place, source in enumerate(sources)
            for name, column in source.ask(actor).items()
        ]
        columns.insert(0, func.now().label("now"))
        return select(*columns)

    [row] = read_written(actor, tuple(sources), written)
    now = row.pop("now")
    found: list[dict[str, Any]] = [{} for _ in sources]
    for label, value in row.items():
        place, _, name = label.partition(" ")
        found[int(place)][name] = value
    return now, found
