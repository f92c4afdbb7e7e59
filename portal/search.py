"""Words by prefix over many records, through terms in a side table.

Only equality and range keep their index under row-level security (`LIKE` and `@>` are not
leakproof), so every searchable word of a record is a row here, and `q` is a range over them.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Index,
    Label,
    ScalarSelect,
    Select,
    String,
    and_,
    any_,
    bindparam,
    case,
    delete,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Record, send, session
from portal.driver import Statement

WORD = re.compile(r"[^\W_]+")
WORD_LENGTH = 60
WORDS_PER_RECORD = 200
WORDS_PER_QUERY = 8
FEW = 2000  # up to so many hits are fetched and sorted
RARE = 500  # a condition with up to so many records is answered whole, whatever the words are
MOST_TERMS = 8  # that a word may begin so that its hits can be read in the order of their ids
NO_TERMS = null().cast(ARRAY(String))
# Sent with the counts, and gone with the transaction. A prepared statement's plan would not know
# whether the words are rare or common, and the right plans differ a hundredfold; and what was found
# is looked up by its id, where statistics may suggest to read the table for it.
SETTINGS = {"plan_cache_mode": "force_custom_plan", "enable_hashjoin": "off"}
PLAN_FOR_THESE_WORDS = select(
    literal(-1).label("number"),
    NO_TERMS.label("terms"),
    null().label("end"),
    sum(
        (func.length(func.set_config(name, value, True)) for name, value in SETTINGS.items()),
        literal(0),
    ).label("hits"),
)


class SearchTerm(Base):
    """One word of one record; a tag stands as `tag:<tag>`, which no typed word can equal."""

    __tablename__ = "search_term"
    __table_args__ = (Index("ix_search_term_record", "tenant_id", "kind", "record_id", "term"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    term: Mapped[str] = mapped_column(String(70), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)


def words(text: str) -> list[str]:
    """The words of a text as they are stored and asked for: lower case, letters and digits."""
    return [word[:WORD_LENGTH] for word in WORD.findall(text.lower())]


# The values: `tenant_id`, `noun` and `id` of a record, and `terms`.
TERMS = (
    insert(SearchTerm)
    .from_select(
        ["tenant_id", "kind", "record_id", "term"],
        select(
            bindparam("tenant_id", type_=String),
            bindparam("noun", type_=String),
            bindparam("id", type_=String),
            func.unnest(bindparam("terms", type_=ARRAY(String))),
        ),
    )
    .on_conflict_do_nothing()
)
ADD = Statement(TERMS)


def terms_of(texts: Iterable[str | None], tags: Iterable[str] = ()) -> set[str]:
    """Every term that a record with these texts and tags is found by."""
    found = dict.fromkeys(word for text in texts if text for word in words(text))
    return set(list(found)[:WORDS_PER_RECORD]) | {tag_term(tag) for tag in tags}


def tag_term(tag: str) -> str:
    """How a tag stands among the terms."""
    return f"tag:{tag.lower()}"


def index(record: Record, terms: set[str]) -> None:
    """Make `terms` what the record is found by, touching only the rows that differ."""
    where = (
        SearchTerm.tenant_id == record.tenant_id,
        SearchTerm.kind == record.noun,
        SearchTerm.record_id == record.id,
    )
    session.execute(delete(SearchTerm).where(*where, SearchTerm.term.not_in(terms)))
    key = {"tenant_id": record.tenant_id, "noun": record.noun, "id": record.id}
    send(ADD, {**key, "terms": sorted(terms)})


# ---------------------------------------------------------------- the words of a question


Ordered = Callable[[Select[Any], Any], Select[Any]]
"""Puts the order of a list by id, and the place where to begin, on a selection of ids."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a word or a tag asks of the terms: from `low` to before `high`."""

    low: str
    high: str

    def means(self, term: Any) -> ColumnElement[bool]:
        """Whether it is this term, or the beginning of it."""
        return and_(term >= self.low, term < self.high)


@dataclass(frozen=True, slots=True)
class Weight:
    """How common a word is, as far as the question must know.

    `terms` are what it means, where they are no more than MOST_TERMS and the list is by id; `end`
    is then the last record of a page's share of its postings, None where it has fewer. Without
    them `hits` are counted, no further than FEW + 1.
    """

    word: Word
    terms: tuple[str, ...] | None
    end: str | None
    hits: int | None


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one kind of record in one tenant."""

    model: type[Record]
    tenant_id: str

    def probe(self, word: Word, record_id: Any) -> ColumnElement[bool]:
        """Whether a record has the word: one look into an index, whatever statistics suggest."""
        found = self._select(literal(1)).where(
            SearchTerm.record_id == record_id, word.means(SearchTerm.term)
        )
        # Without the offset it may become a join that reads every hit.
        return found.offset(0).exists()

    def ids(self, word: Word) -> list[str]:
        """The records that a rare word finds."""
        found = self._select(SearchTerm.record_id).where(word.means(SearchTerm.term))
        return list(session.scalars(found.distinct().limit(FEW)))

    def postings(self, terms: Iterable[str], ordered: Ordered, most: int) -> Select[Any]:
        """The first records that have one of the terms."""
        lists = [
            ordered(
                self._select(SearchTerm.record_id.label("id")).where(SearchTerm.term == term),
                SearchTerm.record_id,
            ).limit(most)
            for term in terms
        ]
        if len(lists) == 1:
            return lists[0]
        found = union_all(*lists).subquery()
        return ordered(select(found.c.id).distinct(), found.c.id).limit(most)

    def weigh(
        self,
        words: Sequence[Word],
        conditions: Sequence[ColumnElement[bool]] = (),
        ordered: Ordered | None = None,
        most: int = 0,
    ) -> tuple[list[Weight], list[int]]:
        """How common each word is, and how many records each condition has (no further than
        RARE + 1), in one statement.

        `ordered` for a list by id: how far `most` postings of each word reach."""
        lines = self.lines(words, ordered, most)
        own = self.model.tenant_id == self.tenant_id
        for number, condition in enumerate(conditions, len(words)):
            some = select(literal(1)).select_from(self.model).where(own, condition)
            lines.append(select(literal(number), NO_TERMS, null(), _counted(some, RARE)))
        rows = _weighed(lines)
        return _weights(words, rows), [row.hits for row in rows[len(words) :]]

    def lines(
        self, words: Sequence[Word], ordered: Ordered | None, most: int, first: int = 0
    ) -> list[Select[Any]]:
        """What weighs each of the words, numbered from `first` on."""
        return [
            select(literal(number).label("number"), *self._weight(word, number, ordered, most))
            for number, word in enumerate(words, first)
        ]

    def _weight(
        self, word: Word, number: int, ordered: Ordered | None, most: int
    ) -> tuple[Label[Any], Label[Any], Label[Any]]:
        hits = _counted(self._select(literal(1)).where(word.means(SearchTerm.term)), FEW)
        if ordered is None:
            return NO_TERMS.label("terms"), null().label("end"), hits.label("hits")
        leap = self._leap(word, number)
        some = select(func.array_agg(leap.c.term)).where(leap.c.term.is_not(None))
        terms = func.coalesce(some.scalar_subquery(), literal([], ARRAY(String)))
        few = func.cardinality(terms) <= MOST_TERMS
        posting = self._select(SearchTerm.record_id.label("id"))
        posting = posting.where(SearchTerm.term == leap.c.term)
        one = ordered(posting, SearchTerm.record_id).limit(most).lateral()
        reached = ordered(select(one.c.id).select_from(leap).join(one, true()), one.c.id)
        end = reached.offset(most - 1).limit(1).scalar_subquery()
        return (
            case((few, terms)).label("terms"),
            case((few, end)).label("end"),
            case((~few, hits)).label("hits"),
        )

    def _select(self, *columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .select_from(SearchTerm)
            .where(SearchTerm.tenant_id == self.tenant_id, SearchTerm.kind == self.model.noun)
        )

    def _leap(self, word: Word, number: int) -> CTE:
        """The different terms that a word means, one leap through the index for each."""
        low = self._first(SearchTerm.term >= word.low, word)
        leap = select(low.label("term"), literal(1).label("nth")).cte(f"word_{number}", True)
        onward = self._first(leap.c.term < SearchTerm.term, word)
        return leap.union_all(
            select(onward, leap.c.nth + 1).where(leap.c.term.is_not(None), leap.c.nth <= MOST_TERMS)
        )

    def _first(self, place: ColumnElement[bool], word: Word) -> ScalarSelect[Any]:
        found = self._select(SearchTerm.term).where(place, SearchTerm.term < word.high)
        return (
            found.order_by(SearchTerm.term).limit(1).correlate_except(SearchTerm).scalar_subquery()
        )


def weigh_together(
    words: Sequence[Word], kinds: Sequence[tuple[Terms, Ordered | None, int]]
) -> list[list[Weight]]:
    """How common the words are among the records of each kind, in one statement."""
    lines: list[Select[Any]] = []
    for terms, ordered, most in kinds:
        lines += terms.lines(words, ordered, most, first=len(lines))
    rows, many = _weighed(lines), len(words)
    return [_weights(words, rows[n * many : (n + 1) * many]) for n in range(len(kinds))]


def _weighed(lines: Sequence[Any]) -> list[Any]:
    return sorted(session.execute(union_all(*lines, PLAN_FOR_THESE_WORDS)).all())[1:]


def _weights(words: Sequence[Word], rows: Sequence[Any]) -> list[Weight]:
    return [
        Weight(word, None if row.terms is None else tuple(row.terms), row.end, row.hits)
        for word, row in zip(words, rows, strict=False)
    ]


def asked(text: str, tag: str | None) -> list[Word]:
    """The words of a question, and its tag."""
    # The next string after every string that begins with the word, in code point order.
    found = [
        Word(word, word[:-1] + chr(ord(word[-1]) + 1)) for word in words(text)[:WORDS_PER_QUERY]
    ]
    if tag is not None:
        found.append(Word(tag_term(tag), tag_term(tag) + "\x01"))
    return found


def narrow(
    query: Select[Any], model: type[Record], tenant_id: str, text: str, tag: str | None
) -> Select[Any]:
    """Keep the records that have every word of `text` as a prefix, and the tag: all of them,
    however long it takes. A page asks `portal.walk`."""
    found = asked(text, tag)
    if not found:
        return query.where(literal(False)) if text.strip() else query
    terms = Terms(model, tenant_id)
    weights, _ = terms.weigh(found)
    rarest = min(weights, key=lambda weight: weight.hits or 0)
    if (rarest.hits or 0) <= FEW:
        found.remove(rarest.word)
        query = query.where(model.id == any_(literal(terms.ids(rarest.word), ARRAY(String))))
    return query.where(*(terms.probe(word, model.id) for word in found))


def _counted(some: Select[Any], most: int) -> ScalarSelect[Any]:
    limited = some.limit(most + 1).subquery()
    return select(func.count()).select_from(limited).scalar_subquery()
