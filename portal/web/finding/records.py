"""Find records by words, by a whole id or by a fingerprint, within what the caller may see.

Each kind is searched as its own list is (words by prefix, through an index), so the two never
differ. A kind in which the words are not found costs no statement.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.record import find
from portal.records import listing, search
from portal.records.search import Weight, Word
from portal.web.finding import declared
from portal.web.finding.declared import Kind

AN_ID = re.compile(r"[a-z]{3}_[0-9A-HJKMNP-TV-Z]{26}")
A_FEW = 8  # records of each kind; its list has the rest


@dataclass(frozen=True, slots=True)
class Found:
    """The first records of one kind that have the words.

    `more` tells that the list has others. If there are none here and `more`, the words are common
    but have not been found together so far.
    """

    kind: Kind
    records: Sequence[Any]
    more: bool


Weights = Mapping[tuple[str, Word], Weight]
"""The weight of each word in each kind of record, by the noun of its model and the word."""


def weigh(actor: Actor, kinds: Sequence[Kind], text: str, also: Sequence[Any] = ()) -> Weights:
    """Return how common the words of a text are in each kind of record, and in the terms of other
    models, with one statement."""
    if not kinds or not search.words_of(text, None):
        return {}
    searches = [(kind.resource.listing, _query(kind, text, A_FEW)) for kind in kinds]
    models = [*(kind.resource.model for kind in kinds), *also]
    return {
        (model.noun, weight.word): weight
        for model, weights in zip(models, listing.weigh(actor, searches, also), strict=True)
        for weight in weights
    }


def may_have(weights: Weights, model: Any) -> bool:
    """Tell whether none of the weighed words is missing in the terms of a model."""
    found = (weight for (noun, _), weight in weights.items() if noun == model.noun)
    return not any(weight.is_nowhere for weight in found)


def by_words(
    actor: Actor, kinds: Sequence[Kind], text: str, most: int = A_FEW, known: Weights | None = None
) -> list[Found]:
    """Return the first records of each kind that have these words. `known` are their weights, and
    those of others."""
    words = search.words_of(text, None)
    if not words:
        return []
    weights_of = weigh(actor, kinds, text) if known is None else known
    found = []
    for kind in kinds:
        weights = [weights_of[kind.resource.model.noun, word] for word in words]
        if not any(weight.is_nowhere for weight in weights):
            query = _query(kind, text, most)
            page = listing.page(actor, kind.resource.listing, query, weights=weights)
            found.append(Found(kind, page.items, page.next_cursor is not None))
    return found


def _query(kind: Kind, text: str, most: int) -> listing.Query:
    return listing.Query(q=text, limit=most, sort=kind.resource.listing.default_sort)


def by_fingerprint(actor: Actor, kinds: Sequence[Kind], text: str) -> tuple[Kind, Any] | None:
    """Return the record with this fingerprint, or None if the caller sees none."""
    for kind in kinds:
        searched = kind.resource.listing
        if searched.fingerprint:
            query = listing.Query(filters={searched.fingerprint: text}, sort=searched.default_sort)
            for record in listing.page(actor, searched, query).items:
                return kind, record
    return None


def by_id(actor: Actor, text: str) -> tuple[Kind, Any] | None:
    """Return the record of a whole id, also a deleted one, or None if the caller sees none."""
    if not AN_ID.fullmatch(text):
        return None
    prefix = text.partition("_")[0]
    for kind in declared.kinds(actor):
        if kind.resource.model.id_prefix == prefix:
            try:
                return kind, find(kind.resource.model, actor, text, include_deleted=True)
            except NotFound:
                return None
    return None
