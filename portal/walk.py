"""A page of a search looks at a bounded number of records, however many there are.

A rare word or filter is answered whole. Common words are looked for along the list, and a page
that has looked at its share ends there, short or even empty, with the place to go on from: two
words that never meet must not read the table. Each such page in a row looks at twice as many, so
that who insists is soon at the end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    any_,
    literal,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute

from portal.db import session
from portal.search import FEW, Terms, Weight, Word

SHARE = 500  # records that the first page looks at
MOST_PATIENCE = 6  # times that the share is doubled

Column = InstrumentedAttribute[Any]
Place = tuple[Any, str]  # of a row in a list: what it is sorted by, and its id


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list's page, and the place that it begins after.

    `id` and `key` may be columns of a table beside the records; a list by creation has no key but
    the id, and `spans` are bounds on it.
    """

    id: Column
    key: Column
    downward: bool
    place: Place | None = None
    spans: tuple[tuple[str, str], ...] = ()

    @property
    def by_id(self) -> bool:
        """Whether the id alone is the order."""
        return self.key.key == "id"

    def put_on(self, statement: Select[Any]) -> Select[Any]:
        """A statement that begins after the place, in this order."""
        if self.by_id:
            return self.put_on_ids(statement, self.id)
        keys = (self.key, self.id)
        if self.place is not None:
            here, there = tuple_(*keys), self.place
            statement = statement.where(here < there if self.downward else here > there)
        return self.sort(statement, *keys)

    def put_on_ids(self, statement: Select[Any], id: Any) -> Select[Any]:
        """The same for a selection of ids."""
        if self.place is not None:
            there = self.place[1]
            statement = statement.where(id < there if self.downward else id > there)
        for end, bound in self.spans:
            statement = statement.where(id >= bound if end == "after" else id < bound)
        return self.sort(statement, id)

    def sort(self, statement: Select[Any], *keys: Any) -> Select[Any]:
        """A statement in this direction of some keys."""
        return statement.order_by(*(key.desc() if self.downward else key.asc() for key in keys))


@dataclass(frozen=True, slots=True)
class Search:
    """The words of a question about records of one kind, for a page in an order.

    `rare` are other conditions of the question that an index of their own may answer.
    """

    terms: Terms
    words: Sequence[Word]
    order: Order
    rare: Sequence[ColumnElement[bool]] = ()
    patience: int = 0

    @property
    def share(self) -> int:
        """How many records this page looks at."""
        return SHARE << self.patience

    def ask(self, statement: Select[Any]) -> tuple[Select[Any], Place | None]:
        """The statement for the page, and the last place it looks at if it may end early."""
        weights, counts = self.terms.weigh(self.words, self.rare)
        rarest = min(weights, key=lambda weight: weight.hits)
        if rarest.hits == 0:
            return self.order.put_on(statement.where(literal(False))), None
        if self.order.by_id and rarest.terms is not None and rarest.hits <= SHARE:
            return self._along(statement, self._postings(rarest), rarest.word), None
        if rarest.hits <= FEW:
            ids = literal(self.terms.ids(rarest.word), ARRAY(String))
            fetched = statement.where(self.terms.model.id == any_(ids))
            return self._whole(fetched, rarest.word), None
        if min(counts, default=FEW + 1) <= FEW:
            return self._whole(statement), None
        return self._walk(statement, weights)

    def _whole(self, statement: Select[Any], fetched: Word | None = None) -> Select[Any]:
        id = self.terms.model.id
        return self.order.put_on(statement.where(*self._probes(id, fetched)))

    def _along(
        self, statement: Select[Any], seen: Select[Any], had: Word | None = None
    ) -> Select[Any]:
        """The records among those seen that have the words, in the order they are seen."""
        rows = seen.subquery("seen")
        statement = statement.join(rows, rows.c.id == self.terms.model.id)
        statement = statement.where(*self._probes(rows.c.id, had))
        keys = (rows.c.id,) if self.order.by_id else (rows.c.key, rows.c.id)
        return self.order.sort(statement, *keys)

    def _walk(
        self, statement: Select[Any], weights: Sequence[Weight]
    ) -> tuple[Select[Any], Place | None]:
        """Along the records of the word that leads furthest, else along the list."""
        readable = [weight for weight in weights if weight.terms is not None]
        if not (self.order.by_id and readable):
            seen = self._list()
            last = session.execute(self._last(seen)).one_or_none()
            return self._along(statement, seen), None if last is None else (last.key, last.id)
        ends = [
            select(literal(number), self._last(self._postings(weight)).scalar_subquery())
            for number, weight in enumerate(readable)
        ]
        number, end = self._furthest([tuple(row) for row in session.execute(union_all(*ends))])
        best = readable[number]
        along = self._along(statement, self._postings(best), best.word)
        return along, None if end is None else (end, end)

    def _furthest(self, ends: Sequence[tuple[Any, ...]]) -> tuple[int, str | None]:
        """The word whose last record is furthest down the list, or which has no more."""
        cut = [(end, number) for number, end in ends if end is not None]
        if len(cut) < len(ends):
            return next(found for found in ends if found[1] is None)
        end, number = min(cut) if self.order.downward else max(cut)
        return number, end

    def _list(self) -> Select[Any]:
        order = self.order
        own = order.id.class_.tenant_id == self.terms.tenant_id
        columns = (order.key.label("key"), order.id.label("id"))
        return order.put_on(select(*columns).where(own)).limit(self.share)

    def _postings(self, weight: Weight) -> Select[Any]:
        return self.terms.postings(weight.terms or (), self.order.put_on_ids, self.share)

    def _last(self, seen: Select[Any]) -> Select[Any]:
        return seen.offset(self.share - 1).limit(1)

    def _probes(self, id: Any, had: Word | None) -> list[ColumnElement[bool]]:
        return [self.terms.probe(word, id) for word in self.words if word is not had]
