"""Declare what the search over everything finds, and what people can do from there.

A resource declares its part beside its routes (`Resource.found`), and so does a feature for what
belongs to no resource (`Feature.found`). `portal.web.finding` asks all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar

from portal.database.actor import Actor
from portal.records.listing import Value

T = TypeVar("T")
NAME = "{}"  # in the title of an act


@dataclass(frozen=True, slots=True)
class Find:
    """One line of what was found: its title, its page, and what is said beside it.

    `word` says the status in its own word, such as “blocked” of a key that is held.
    """

    title: str
    url: str
    kind: str = ""
    icon: str = "arrow-right"
    note: str = ""
    status: str | None = None
    at: datetime | None = None
    id: str = ""
    word: str = ""


def always(record: Any) -> bool:
    """Allow an act for every record."""
    return True


@dataclass(frozen=True, slots=True)
class Act:
    """Something to do on a page of its own, or in a form: to one record, or to none.

    `title` says it, with `{}` for the record's name. `of` is the noun of the records that it is
    for. `also` are further words that find it, and `note` is what follows from it. `argument` is
    the parameter of the page that takes the record's id, and `anchor` is the place on the page.
    """

    title: str
    endpoint: str
    needs: str
    icon: str
    of: str = ""
    when: Callable[[Any], bool] = always
    also: str = ""
    note: str = ""
    argument: str = "record_id"
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """A page that is not about one record. `also` are further words that find it."""

    title: str
    endpoint: str
    needs: str = ""
    icon: str = "arrow-right"
    also: str = ""
    for_admins: bool = False


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A query: its text, and the ids of the records that were found by it."""

    text: str
    record_ids: Sequence[str] = ()
    _known: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)

    def once(self, actor: Actor, find: Callable[[Actor, str], T]) -> T:
        """Return what is found by the text. Sources that need the same search it only once."""
        if find not in self._known:
            self._known[find] = find(actor, self.text)
        found: T = self._known[find]
        return found


@dataclass(frozen=True, slots=True)
class Source:
    """A search for things that are no records of a resource, with few statements that each use an
    index. It is left out if the words of the query are not among the terms of its `model`."""

    group: Literal["Open", "Happened"]
    find: Callable[[Actor, SearchQuery], Sequence[Find]]
    needs: str = ""
    for_admins: bool = False
    model: Any = None


@dataclass(frozen=True, slots=True)
class ById:
    """A lookup of one thing by its whole id; None if the actor may not see it."""

    find: Callable[[Actor, str], Find | None]
    needs: str = ""
    for_admins: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that a field can refer to: the value to store, its name, and a note."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """A search for what a field can refer to, with at most one statement; the first ones for an
    empty text."""

    find: Callable[[Actor, str], Sequence[Choice]]
    needs: str = ""


def nothing(record: Any) -> str:
    """Say nothing beside the name of a record."""
    return ""


@dataclass(frozen=True, slots=True)
class Findable:
    """Everything that one resource or feature lets people find. `note` is shown beside a record's
    name, `ids` finds things by an id with this prefix, `choices` what a field can refer to. `among`
    are choices of a resource's own records: those that its list has with these filters."""

    acts: tuple[Act, ...] = ()
    places: tuple[Place, ...] = ()
    sources: tuple[Source, ...] = ()
    ids: Mapping[str, ById] = field(default_factory=dict)
    note: Callable[[Any], str] = nothing
    choices: Mapping[str, Choices] = field(default_factory=dict)
    among: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
