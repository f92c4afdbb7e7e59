"""The parts of the overview that features provide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Any, Literal, cast

from flask import Flask, current_app
from sqlalchemy import ColumnElement

from portal.database.actor import Actor
from portal.records.health import Word

NAME = "portal.overview"


class Harm(IntEnum):
    """Order of what needs a person, the worst first."""

    LEAKED = 0
    FAILING = 1
    ATTENTION = 2
    HELD = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the first run. Only who has the scope `needs` is offered its action."""

    order: int
    title: str
    text: str
    url: str
    action: str
    needs: str
    done: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """The values of a figure over time: each of an hour or a day, from `begin` on. None is a value
    that is not known."""

    values: Sequence[float | None]
    begin: datetime
    step: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, with the list of exactly what it counts.

    `value` is None if it is not known, and `note` says why. `is_more` tells that there are more
    than were counted.
    """

    order: int
    name: str
    label: str
    value: float | None
    note: str
    url: str
    unit: Literal["", "ms"] = ""
    status: Word = "works"
    is_more: bool = False
    graph: Graph | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """The next step for a record: a page, or a form that does it at once, with these fields."""

    label: str
    url: str
    fields: Mapping[str, str] | None = None

    @property
    def is_form(self) -> bool:
        """Tell whether the act is done by a form and not on a page of its own."""
        return self.fields is not None


@dataclass(frozen=True, slots=True)
class Need:
    """One record, or a group of them, that needs a person. `id` is that of the record."""

    id: str
    harm: Harm
    status: Word
    title: str
    text: str
    url: str
    since: datetime | None = None
    act: Act | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """Number of records of a kind with the same harm, and the words for one and for several.

    `listed` of them are among the needs; the others are behind `url`.
    """

    harm: Harm
    number: int
    most: int
    one: str
    many: str
    url: str
    listed: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened today: who did what, and to what. `more` are changes like it."""

    at: datetime
    who: str
    who_url: str
    text: str
    name: str
    url: str
    more: int = 0
    status: Word | None = None


@dataclass(frozen=True, slots=True)
class OverviewPart:
    """The content of the overview that one feature provides.

    `clear` says what is well if the feature has no need. `is_used` tells whether there is anything
    that could fail.
    """

    steps: Sequence[Step] = ()
    figures: Sequence[Figure] = ()
    needs: Sequence[Need] = ()
    tallies: Sequence[Tally] = ()
    changes: Sequence[Change] = ()
    clear: Sequence[str] = ()
    is_used: bool = False


Columns = Mapping[str, ColumnElement[Any]]


def nothing(actor: Actor) -> Columns:
    """Ask for nothing."""
    return {}


@dataclass(frozen=True)
class Source:
    """A feature's part of the overview.

    `ask` returns the columns to read, each one value and cheap however much there is; `part` makes
    the part of their values and the time.
    """

    part: Callable[[Actor, Mapping[str, Any], datetime], OverviewPart]
    ask: Callable[[Actor], Columns] = field(default=nothing)


def add_source(app: Flask, source: Source) -> None:
    """Register a feature's source for the overview."""
    app.extensions.setdefault(NAME, []).append(source)


def sources() -> Sequence[Source]:
    """Return the sources of all features."""
    return cast("list[Source]", current_app.extensions.get(NAME, []))
