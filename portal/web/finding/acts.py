"""Find what a caller may do: "new webhook", "rotate nightly export", "issue a key for crm".

The first words of a query may name acts. What comes after them is looked for among the records that
these acts are for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flask import url_for

from portal.database.actor import Actor
from portal.records.search import words
from portal.rest.findable import NAME, Act, Find
from portal.web.finding import records
from portal.web.finding.declared import Kind
from portal.web.finding.records import Found, Weights

A_FEW = 6  # acts of one answer
OF_EACH = 4  # records that one act is offered for
OF_THE_FIRST = 6  # acts on the record that the words find first
SHORTEST = 3  # letters of the first word that names an act


@dataclass(frozen=True, slots=True)
class Named:
    """The acts that the first words of a query name, and the words after them."""

    acts: Sequence[Act]
    rest: str


def named(acts: Sequence[Act], text: str) -> Named:
    """Return the acts whose own words begin with the first words of the text."""
    given = words(text)
    if not given or len(given[0]) < SHORTEST:
        return Named((), text)
    for many in range(len(given), 0, -1):
        found = [act for act in acts if _has(act, given[:many])]
        if found:
            return Named(found, " ".join(given[many:]))
    return Named((), text)


def without_record(acts: Sequence[Act]) -> list[Find]:
    """Return the lines of acts that need no record."""
    return [Find(act.title, _url(act), "", act.icon, act.note) for act in acts if not act.of]


def on_named(
    actor: Actor, kinds: Sequence[Kind], asked: Named, known: Weights | None
) -> list[Find]:
    """Return the acts of a query that names acts, on the records that its other words find.
    `known` are the weights of these words, if they are known."""
    if not asked.rest:
        return without_record(asked.acts)[:A_FEW]
    nouns = {act.of for act in asked.acts}
    meant = [kind for kind in kinds if kind.resource.model.noun in nouns]
    found = records.by_words(actor, meant, asked.rest, OF_EACH, known)
    return [line for act in asked.acts for line in _on_each(actor, act, found)][:A_FEW]


def on_record(actor: Actor, acts: Sequence[Act], record: Any) -> list[Find]:
    """Return what the caller may do to one record."""
    return [_on(act, record) for act in acts if act.of == record.noun and _fits(actor, act, record)]


def _on_each(actor: Actor, act: Act, found: Sequence[Found]) -> list[Find]:
    return [
        _on(act, record)
        for kind in found
        for record in kind.records
        if act.of == record.noun and _fits(actor, act, record)
    ]


def _on(act: Act, record: Any) -> Find:
    title = act.title.replace(NAME, record.label)
    return Find(title, _url(act, record.id), "", act.icon, act.note, id=record.id)


def _fits(actor: Actor, act: Act, record: Any) -> bool:
    return not record.is_deleted and record.is_open_to(actor) and act.when(record)


def _url(act: Act, record_id: str = "") -> str:
    values: dict[str, Any] = {act.argument: record_id} if record_id else {}
    return url_for(act.endpoint, _anchor=act.anchor or None, **values)


def _has(act: Act, given: Sequence[str]) -> bool:
    own = _words_of(act)
    return all(any(word.startswith(one) for word in own) for one in given)


@lru_cache(maxsize=256)
def _own_words(title: str, also: str) -> tuple[str, ...]:
    return tuple(words(f"{title.replace(NAME, ' ')} {also}"))


def _words_of(act: Act) -> tuple[str, ...]:
    return _own_words(act.title, act.also)
