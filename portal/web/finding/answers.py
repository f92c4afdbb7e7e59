"""Answer a query over everything: where a pasted id leads, what to do, to open, and what happened.

Each part asks few, bounded statements, so an answer costs the same among ten records as among a
million.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import url_for

from portal.core import key_shape
from portal.database.actor import Actor
from portal.records import health
from portal.records.listing import FINGERPRINT
from portal.records.search import WORDS_PER_QUERY, words
from portal.rest.findable import Find, Place, SearchQuery
from portal.web.finding import acts, declared, records
from portal.web.finding.declared import Kind
from portal.web.finding.records import AN_ID, Found, Weights

LONGEST = 200
PLACES = 5
HAPPENED = 6
QUOTES = "\"'`“”<>()[],;"
# One character more than people see of a key.
KEY_LIKE = re.compile(r"sk-[a-z0-9]{4}-[usv][0-9A-Za-z]{4}")
TOO_MUCH_OF_A_KEY = (
    "This looks like an API key, so it was not searched for. Search for its first 12 characters."
)


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an answer. `more` are links to lists that have further results."""

    title: str
    finds: Sequence[Find]
    more: Sequence[Find] = ()

    @property
    def lines(self) -> list[Find]:
        """Return the results and the links to further ones."""
        return [*self.finds, *self.more]


@dataclass(frozen=True, slots=True)
class Answer:
    """All that was found. `place` is where a whole id or fingerprint leads. `refused` is said
    instead of an answer."""

    text: str
    place: Find | None = None
    sections: Sequence[Section] = ()
    refused: str = ""

    @property
    def count(self) -> int:
        """Return the number of lines."""
        return (self.place is not None) + sum(len(part.finds) for part in self.sections)

    @property
    def said(self) -> str:
        """Return the number of lines in words, for a screen reader."""
        if self.refused:
            return self.refused
        if not self.count:
            return "Nothing found" if self.text else ""
        return "1 result" if self.count == 1 else f"{self.count} results"


def cleaned(text: str) -> str:
    """Return a query without what comes along when it is copied: quotes, brackets and spaces."""
    return text.replace("\x00", "").strip().strip(QUOTES).strip()[:LONGEST]


def holds_key(text: str) -> bool:
    """Tell whether a text has a raw key, or more of one than the characters that people see."""
    return bool(key_shape.SHAPE.search(text) or KEY_LIKE.search(text))


def find(actor: Actor, given: str) -> Answer:
    """Return everything that the caller may see and that matches the query."""
    text = cleaned(given)
    if holds_key(text):
        return Answer("", refused=TOO_MUCH_OF_A_KEY)
    if not text:
        return Answer("", sections=_filled(_first_steps(actor)))
    if AN_ID.fullmatch(text):
        return _of_id(actor, text)
    if FINGERPRINT.fullmatch(text.lower()):
        return _of_fingerprint(actor, text.lower())
    return _of_words(actor, text)


def _first_steps(actor: Actor) -> list[Section]:
    """Return what is offered before anything is typed: what to make, and the pages."""
    return [
        Section("Do", acts.without_record(declared.acts(actor))),
        Section("Open", [_page(one) for one in declared.places(actor)]),
    ]


def _of_id(actor: Actor, text: str) -> Answer:
    if (known := records.by_id(actor, text)) is not None:
        return _of_record(actor, text, *known)
    lookup = declared.by_id(actor, text.partition("_")[0])
    place = lookup.find(actor, text) if lookup is not None else None
    if place is None:
        return Answer(text)
    return Answer(text, place, _filled([Section("Happened", _happened(actor, SearchQuery(text)))]))


def _of_fingerprint(actor: Actor, text: str) -> Answer:
    found = records.by_fingerprint(actor, declared.kinds(actor), text)
    return _of_record(actor, text, *found) if found is not None else Answer(text)


def _of_record(actor: Actor, text: str, kind: Kind, record: Any) -> Answer:
    """Return the answer for a record that the text names as a whole."""
    doable = acts.on_record(actor, declared.acts(actor), record)
    happened = _happened(actor, SearchQuery(record.id, [record.id]))
    sections = _filled([Section("Do", doable), Section("Happened", happened)])
    return Answer(text, kind.find_of(actor, record, health.of_all([record])), sections)


def _of_words(actor: Actor, text: str) -> Answer:
    kinds = declared.kinds(actor)
    weights = records.weigh(actor, kinds, text, declared.searched(actor))
    found = records.by_words(actor, kinds, text, known=weights)
    lines = _in_order(actor, found, text)
    first = lines[0][1] if lines else None
    opened = [
        *(line for line, _ in lines),
        *_from(actor, "Open", SearchQuery(text), weights),
        *_places(actor, text),
    ]
    doable = Section("Do", _doable(actor, kinds, text, first, weights))
    open_ = Section("Open", opened, _more(found, text))
    happened = _happened(actor, SearchQuery(text, [first.id] if first else []))
    is_named = bool(acts.named(declared.acts(actor), text).acts)
    parts = [doable, open_] if is_named else [open_, doable]
    return Answer(text, sections=_filled([*parts, Section("Happened", happened)]))


def _doable(
    actor: Actor, kinds: Sequence[Kind], text: str, first: Any, weights: Weights
) -> list[Find]:
    """Return the acts that the query names and, for a record that it finds, what to do to it.

    `weights` are those of the query's words.
    """
    may = declared.acts(actor)
    asked = acts.named(may, text)
    known = weights if len(words(text)) <= WORDS_PER_QUERY else None
    lines = acts.on_named(actor, kinds, asked, known) if asked.acts else []
    if first is not None:
        lines += acts.on_record(actor, may, first)[: acts.OF_THE_FIRST]
    return list(dict.fromkeys(lines))


def _in_order(actor: Actor, found: Sequence[Found], text: str) -> list[tuple[Find, Any]]:
    """Return the lines of records: first those with this very name, then those that begin with
    it."""
    healths = health.of_all([record for kind in found for record in kind.records])
    lines = [
        (kind.kind.find_of(actor, record, healths), record)
        for kind in found
        for record in kind.records
    ]
    wanted = text.casefold()

    def rank(line: tuple[Find, Any]) -> int:
        name = line[0].title.casefold()
        return 0 if name == wanted else 1 if name.startswith(wanted) else 2

    return sorted(lines, key=rank)


def _more(found: Sequence[Found], text: str) -> list[Find]:
    return [
        Find(
            f"All {one.kind.plural} with these words"
            if one.records
            else f"Look further among {one.kind.plural}",
            url_for(f"{one.kind.pages}.index", q=text),
            icon=one.kind.icon,
        )
        for one in found
        if one.more
    ]


def _places(actor: Actor, text: str) -> list[Find]:
    given = words(text)
    if not given:
        return []
    return [_page(one) for one in declared.places(actor) if _is_named(one, given)][:PLACES]


def _is_named(place: Place, given: Sequence[str]) -> bool:
    own = words(f"{place.title} {place.also}")
    return all(any(word.startswith(one) for word in own) for one in given)


def _page(place: Place) -> Find:
    return Find(place.title, url_for(place.endpoint), "Page", place.icon)


def _happened(actor: Actor, asked: SearchQuery) -> list[Find]:
    return _from(actor, "Happened", asked, {})[:HAPPENED]


def _from(actor: Actor, group: str, asked: SearchQuery, weights: Weights) -> list[Find]:
    found = (
        source.find(actor, asked)
        for source in declared.sources(actor, group)
        if source.model is None or records.may_have(weights, source.model)
    )
    return [line for lines in found for line in lines]


def _filled(sections: Sequence[Section]) -> list[Section]:
    return [part for part in sections if part.finds or part.more]
