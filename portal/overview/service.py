"""Read the overview: the columns of all features with one statement, the audit log with another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from portal.database.actor import Actor
from portal.database.session import session
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
    asked = [source.ask(actor) for source in sources]
    columns = [
        column.label(f"{place}_{name}")
        for place, wanted in enumerate(asked)
        for name, column in wanted.items()
    ]
    row = session.execute(select(func.now().label("now"), *columns)).mappings().one()
    told = [
        source.tell(actor, {name: row[f"{place}_{name}"] for name in asked[place]}, row["now"])
        for place, source in enumerate(sources)
    ]
    needs = sorted(
        (need for part in told for need in part.needs),
        key=lambda need: (need.harm, need.since is None, need.since or row["now"], need.id),
    )
    tallies = [tally for part in told for tally in part.tallies if tally.number]
    tallies.sort(key=lambda tally: tally.harm)
    changes = sorted((one for part in told for one in part.changes), key=lambda one: one.at)
    return Overview(
        at=row["now"],
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
