"""Answer each page of a search by looking at a limited number of records.

A rare word or filter is answered completely. For common words, a page goes along the list and ends
when it has looked at its share of the records. It may be short or even empty, and has the place to
continue from: two words or filters that never occur together must not cause a scan of the table.
Each such page in a row looks at twice as many records, so a caller that continues soon reaches the
end.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    any_,
    bindparam,
    func,
    literal,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.orm import InstrumentedAttribute

from portal.database.session import session
from portal.records.search import BEYOND, FEW, Reach, Terms, Weight, Word

SHARE = 500  # records that the first page looks at
MOST_PATIENCE = 6  # times that the share is doubled

Column = InstrumentedAttribute[Any]
Place = tuple[Any, str]  # of a row in a list: its sort key and its id


@dataclass(frozen=True, slots=True)
class Order:
    """The order of a list's page, and the place after which the page begins.

    `id` and `key` may be columns of a table beside the records. A list by creation has no key but
    the id, `spans` are bounds on the id, and `end` is the last id that this page looks at. A list
    that `is_keyed` has no index by the id alone.
    """

    id: Column
    key: Column
    downward: bool
    place: Place | None = None
    spans: tuple[tuple[str, str], ...] = ()
    end: str | None = None
    is_keyed: bool = False

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
        """Return the bounds of a page that looks at `share` records for words.

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
class Way:
    """The way in which a page finds its records: by the postings of `terms`, down to `end` if that
    is set, by `ids` that were fetched, among all records, or along a share of the list.

    The records must also have `words`, each of which is looked up. To write a statement for all
    ways of one `shape`, use `named`, which has a parameter for each of the `values`.
    """

    through: Literal["nothing", "postings", "ids", "all", "list"]
    words: tuple[Word, ...] = ()
    terms: Sequence[str] = ()
    end: str | None = None
    ids: Sequence[str] = ()

    @property
    def shape(self) -> tuple[Any, ...]:
        """Return what the text of the statement depends on."""
        return self.through, len(self.words), len(self.terms), self.end is None

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of the parameters of `named`."""
        found: dict[str, Any] = {f"posting{n}": term for n, term in enumerate(self.terms)}
        found |= {f"low{n}": word.low for n, word in enumerate(self.words)}
        found |= {f"high{n}": word.high for n, word in enumerate(self.words)}
        found |= {"until": self.end} if self.end is not None else {}
        return found | ({"ids": self.ids} if self.through == "ids" else {})

    def named(self) -> "Way":
        """Return the same way with parameters instead of its values."""
        named: dict[str, Any] = {name: bindparam(name) for name in self.values}
        words = (Word(named[f"low{n}"], named[f"high{n}"]) for n in range(len(self.words)))
        terms = [named[f"posting{n}"] for n in range(len(self.terms))]
        return Way(self.through, tuple(words), terms, named.get("until"), named.get("ids", ()))


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

    def way(self) -> Way:
        """Return the way in which this page finds its records."""
        weights = self.weights if self.words else ()
        if weights is None:
            weights = self.terms.weigh(self.words, self.order.reach(self.share))
        if any(weight.is_nowhere for weight in weights):
            return Way("nothing")
        furthest = self._furthest(weights)
        rarest = min((one for one in weights if one.terms is None), key=_hits, default=None)
        if furthest is not None and furthest.end is None:
            return self._read_in(furthest)
        if rarest is not None and _hits(rarest) <= FEW:
            return Way("ids", self._but(rarest.word), ids=self.terms.ids(rarest.word))
        if self.weights is None and self.terms.has_rare(self.rare):
            return Way("all", tuple(self.words))
        if furthest is not None:
            return self._read_in(furthest)
        return Way("list", tuple(self.words))

    def write(self, statement: Select[Any], way: Way) -> Select[Any]:
        """Return the statement for the page."""
        id = self.terms.model.id
        if way.through == "nothing":
            return self.order.put_on(statement.where(literal(False)))
        if way.through == "postings":
            # A record with several of the terms counts several times towards `end`, and is listed
            # once. Without the bound, the page would reach beyond its end, and the next one repeat
            # that.
            order = self.order if way.end is None else self.order.ending(way.end)
            found = self.terms.postings(way.terms, order.put_on_ids, self.share)
            return self._along(statement, found, way.words)
        if way.through == "list":
            if way.words:
                return self._along(statement, self._list(), way.words)
            return self._compared(statement)
        if way.through == "ids":
            statement = statement.where(id == any_(type_coerce(way.ids, ARRAY(String))))
        return self.order.put_on(statement.where(*self._probes(id, way.words)))

    def ending(self, way: Way) -> Place | None:
        """Return the last place that this page looks at, or None if it looks at all of the list."""
        if way.through == "list":
            return self._last()
        return None if way.end is None else (way.end, way.end)

    def _read_in(self, weight: Weight) -> Way:
        return Way("postings", self._but(weight.word), weight.terms or (), weight.end)

    def _but(self, had: Word) -> tuple[Word, ...]:
        return tuple(word for word in self.words if word != had)

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

    def _along(
        self, statement: Select[Any], seen: Select[Any], words: Sequence[Word]
    ) -> Select[Any]:
        """Return those of the seen records that have the words, in the order of `seen`."""
        rows = seen.subquery("seen")
        statement = statement.join(rows, rows.c.id == self.terms.model.id)
        statement = statement.where(*self._probes(rows.c.id, words))
        keys = (rows.c.id,) if self.order.by_id else (rows.c.key, rows.c.id)
        return self.order.sort(statement, *keys)

    def _compared(self, statement: Select[Any]) -> Select[Any]:
        """Return those of the share of the list that meet the conditions of the statement."""
        # As an array: for a join, PostgreSQL may read the whole table.
        ids = self._list().with_only_columns(self.order.id)
        seen = func.array(ids.scalar_subquery())
        if self.order.is_keyed:
            statement = statement.where(self._within())
        return self.order.put_on(statement.where(self.terms.model.id == any_(seen)))

    def _within(self) -> ColumnElement[bool]:
        """Return the condition that a record is within the keys of the share of the list."""
        key, keys = self.order.key, self._list().subquery("keys").c.key
        if self.order.downward:
            return key >= select(func.min(keys)).scalar_subquery()
        return key <= select(func.max(keys)).scalar_subquery()

    def _list(self) -> Select[Any]:
        order = self.order
        own = order.id.class_.tenant_id == self.terms.tenant_id
        columns = (order.key.label("key"), order.id.label("id"))
        return order.put_on(select(*columns).where(own, *self.guide)).limit(self.share)

    def _probes(self, id: Any, words: Sequence[Word]) -> list[ColumnElement[bool]]:
        return [self.terms.probe(word, id) for word in words]


def _hits(weight: Weight) -> int:
    return weight.hits or 0
