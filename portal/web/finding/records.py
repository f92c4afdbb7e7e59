"""Find records by words, by a whole id or by a fingerprint, within what the caller may see.

Each kind is searched as its own list is (words by prefix, through an index), so the two never
differ. A kind in which the words are not found costs no statement.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portal.core.errors import NotFound
from portal.database.actor import Actor
from portal.database.record import find
from portal.records import listing, search
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


def by_words(actor: Actor, kinds: Sequence[Kind], text: str, most: int = A_FEW) -> list[Found]:
    """Return the first records of each kind that have these words."""
    asked = [
        (
            kind.resource.listing,
            listing.Query(q=text, limit=most, sort=kind.resource.listing.default_sort),
        )
        for kind in kinds
    ]
    if not asked or not search.asked(text, None):
        return []
    found = []
    for kind, question, weights in zip(kinds, asked, listing.weigh(actor, asked), strict=True):
        if not any(weight.hits == 0 or weight.terms == () for weight in weights):
            page = listing.page(actor, *question, weights=weights)
            found.append(Found(kind, page.items, page.next_cursor is not None))
    return found


def by_fingerprint(actor: Actor, kinds: Sequence[Kind], text: str) -> tuple[Kind, Any] | None:
    """Return the record with this fingerprint, or None if the caller sees none."""
    for kind in kinds:
        asked = kind.resource.listing
        if asked.fingerprint:
            query = listing.Query(filters={asked.fingerprint: text}, sort=asked.default_sort)
            for record in listing.page(actor, asked, query).items:
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
