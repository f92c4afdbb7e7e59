"""Answer each page of a search by looking at a limited number of records.

A rare word or filter is answered completely. For common words, a page goes along the list and ends
when it has looked at its share of the records. It may be short or even empty, and has the place to
continue from: two words or filters that never occur together must not cause a scan of the table.
Each such page in a row looks at twice as many records, so a caller that continues soon reaches the
end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, func, literal, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from portal.database.session import session
from portal.records.search import BEYOND, FEW, Reach, Terms, Weight, Word

SHARE = 500  # records that the first page looks at
MOST_PATIENCE = 6  # times that the share is doubled

Column = InstrumentedAttribute[Any]
Place = tuple[Any, str]  # of a row in a list: its sort key and its id
Ending = Callable[[], Place | None]
"""Returns the last place that a page looks at, or None if it looks at all of the list."""


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list's page, and the place after which the page begins.

    `id` and `key` may be columns of a table beside the records. A list by creation has no key but
    the id, `spans` are bounds on the id, and `end` is the last id that this page looks at.
    """

    id: Column
    key: Column
    downward: bool
    place: Place | None = None
    spans: tuple[tuple[str, str], ...] = ()
    end: str | None = None

    @property
    def by_id(self) -> bool:
        """Tell whether the list is ordered by the id alone."""
        return self.key.key == "id"

    def put_on(self, statement: Select[Any]) -> Select[Any]:
        """Apply this order to a statement, beginning after the place."""
        if self.by_id:
            return self.put_on_ids(statement, self.id)
        keys = (self.key, self.id)
        if self.place is not None:
            here, there = tuple_(*keys), tuple_(*self.place, types=[key.type for key in keys])
            statement = statement.where(here < there if self.downward else here > there)
        return self.sort(statement, *keys)

    def put_on_ids(self, statement: Select[Any], id: Any) -> Select[Any]:
        """Apply this order, the place and the bounds to a selection of ids."""
        if self.place is not None:
            there = self.place[1]
            statement = statement.where(id < there if self.downward else id > there)
        for end, bound in self.spans:
            statement = statement.where(id >= bound if end == "after" else id < bound)
        if self.end is not None:
            statement = statement.where(id >= self.end if self.downward else id <= self.end)
        return self.sort(statement, id)

    def sort(self, statement: Select[Any], *keys: Any) -> Select[Any]:
        """Order a statement by these keys in this direction."""
        return statement.order_by(*(key.desc() if self.downward else key.asc() for key in keys))

    def furthest(
        self, model: Any, tenant_id: Any, conditions: Sequence[ColumnElement[bool]], share: int
    ) -> ColumnElement[str]:
        """Return where a page of a list by id ends early if all of these conditions narrow it.

        This is the end of the share of the condition that reaches furthest, since the matches are
        among its records too. It is `edge` if one of the conditions has fewer records than its
        share.
        """
        ends = [
            func.coalesce(
                self.put_on_ids(select(model.id).where(model.tenant_id == tenant_id, one), model.id)
                .offset(share - 1)
                .limit(1)
                .scalar_subquery(),
                self.edge,
            )
            for one in conditions
        ]
        return func.least(*ends) if self.downward else func.greatest(*ends)

    @property
    def edge(self) -> str:
        """Return an id that no other is beyond, however the database compares strings."""
        return "" if self.downward else BEYOND

    def reach(self, share: int) -> Reach | None:
        """Return the bounds of a page that looks at so many records for words.

        Return None if the list is not by id. Such a page has no `end` yet.
        """
        if not self.by_id:
            return None
        bounds = {"since" if end == "after" else "until": bound for end, bound in self.spans}
        if self.place is not None:
            bounds["before" if self.downward else "after"] = self.place[1]
        return Reach(share, self.downward, **bounds)

    def ending(self, end: str) -> "Order":
        """Return the same order, with this id as its end."""
        return replace(self, end=end)


@dataclass(frozen=True, slots=True)
class Search:
    """The words or conditions of a query about records of one kind, for one page in an order.

    `rare` are other conditions of the query that may have an index of their own. `weights` are
    those of the words, if they are known. There may be no words, only conditions that no index
    answers. `guide` are conditions whose index has the order of the list: only what meets them is
    looked at.
    """

    terms: Terms
    words: Sequence[Word]
    order: Order
    rare: Sequence[ColumnElement[bool]] = ()
    patience: int = 0
    weights: Sequence[Weight] | None = None
    guide: Sequence[ColumnElement[bool]] = ()

    @property
    def share(self) -> int:
        """Return how many records this page looks at."""
        return SHARE << self.patience

    def ask(self, statement: Select[Any]) -> tuple[Select[Any], Ending]:
        """Return the statement for the page, and what tells the last place it looks at."""
        weights = self.weights if self.words else ()
        if weights is None:
            weights = self.terms.weigh(self.words, self.order.reach(self.share))
        if any(weight.hits == 0 or weight.terms == () for weight in weights):
            return self.order.put_on(statement.where(literal(False))), _nowhere
        furthest = self._furthest(weights)
        rarest = min((one for one in weights if one.terms is None), key=_hits, default=None)
        if furthest is not None and furthest.end is None:
            return self._postings(statement, furthest), _nowhere
        if rarest is not None and _hits(rarest) <= FEW:
            ids = literal(self.terms.ids(rarest.word), ARRAY(String))
            fetched = statement.where(self.terms.model.id == any_(ids))
            return self._whole(fetched, rarest.word), _nowhere
        if self.weights is None and self.terms.has_rare(self.rare):
            return self._whole(statement), _nowhere
        if furthest is not None and furthest.end is not None:
            end = furthest.end
            return self._postings(statement, furthest), lambda: (end, end)
        if not self.words:
            return self._compared(statement), self._last
        return self._along(statement, self._list()), self._last

    def _last(self) -> Place | None:
        """Return the place where the share of the list ends, or None if the list ends before."""
        last = session.execute(self._list().offset(self.share - 1).limit(1)).one_or_none()
        return last and (last.key, last.id)

    def _furthest(self, weights: Sequence[Weight]) -> Weight | None:
        """Return the word whose share of the records reaches furthest, at best to the end."""
        readable = [weight for weight in weights if weight.terms is not None]
        cut = [weight for weight in readable if weight.end is not None]
        if len(cut) < len(readable):
            return next(weight for weight in readable if weight.end is None)
        furthest = min if self.order.downward else max
        return furthest(cut, key=lambda weight: weight.end or "", default=None)

    def _whole(self, statement: Select[Any], fetched: Word | None = None) -> Select[Any]:
        id = self.terms.model.id
        return self.order.put_on(statement.where(*self._probes(id, fetched)))

    def _along(
        self, statement: Select[Any], seen: Select[Any], had: Word | None = None
    ) -> Select[Any]:
        """Return those of the seen records that have the words, in the order of `seen`."""
        rows = seen.subquery("seen")
        statement = statement.join(rows, rows.c.id == self.terms.model.id)
        statement = statement.where(*self._probes(rows.c.id, had))
        keys = (rows.c.id,) if self.order.by_id else (rows.c.key, rows.c.id)
        return self.order.sort(statement, *keys)

    def _compared(self, statement: Select[Any]) -> Select[Any]:
        """Return those of the share of the list that meet the conditions of the statement."""
        # As an array: for a join, PostgreSQL may read the whole table.
        ids = self._list().with_only_columns(self.order.id)
        seen = func.array(ids.scalar_subquery())
        return self.order.put_on(statement.where(self.terms.model.id == any_(seen)))

    def _list(self) -> Select[Any]:
        order = self.order
        own = order.id.class_.tenant_id == self.terms.tenant_id
        columns = (order.key.label("key"), order.id.label("id"))
        return order.put_on(select(*columns).where(own, *self.guide)).limit(self.share)

    def _postings(self, statement: Select[Any], weight: Weight) -> Select[Any]:
        # A record with several of the terms counts several times towards `end`, and is listed once.
        # Without the bound, the page would reach beyond its end, and the next one repeat that.
        order = self.order if weight.end is None else self.order.ending(weight.end)
        found = self.terms.postings(weight.terms or (), order.put_on_ids, self.share)
        return self._along(statement, found, weight.word)

    def _probes(self, id: Any, had: Word | None) -> list[ColumnElement[bool]]:
        return [self.terms.probe(word, id) for word in self.words if word is not had]


def _hits(weight: Weight) -> int:
    return weight.hits or 0


def _nowhere() -> None:
    return None
