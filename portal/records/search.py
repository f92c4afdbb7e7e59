"""Search many records for words by prefix, through terms in a side table.

Under row-level security, only equality and range conditions use an index (`LIKE` and `@>` are not
leakproof). So every searchable word of a record is a row here, and `q` becomes a range of terms.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Index,
    Select,
    String,
    and_,
    any_,
    bindparam,
    delete,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.database.base import Base
from portal.database.record import Record
from portal.database.session import send, session
from portal.fast.statements import Statement

WORD = re.compile(r"[^\W_]+")
# The beginning of all ids of a kind, as in `key_01…`. As a word, “key” would find every key, so it
# is neither stored nor searched for.
MARK = re.compile(r"(?<!\S)[a-z]{3}_(?=0)")
WORD_LENGTH = 60
TERM_LENGTH = 70
WORDS_PER_RECORD = 200
WORDS_PER_QUERY = 8
FEW = 2000  # the most hits that are fetched and sorted
RARE = 500  # the most records for a condition that is answered completely, whatever the words
MOST_TERMS = 8  # that a word may match so that its hits can be read in the order of their ids
BEYOND = "z" * 40  # no id is beyond it, however the database compares strings
WEIGH = Statement.of_file("portal.records", "weigh.sql")


class SearchTerm(Base):
    """One word of one record. A tag is stored as `tag:<tag>`, which no typed word can equal."""

    __tablename__ = "search_term"
    __table_args__ = (Index("ix_search_term_words_of", "record_id"),)

    tenant_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    term: Mapped[str] = mapped_column(String(TERM_LENGTH), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(40), primary_key=True)


def words(text: str) -> list[str]:
    """Return the words of a text as they are stored and searched: lower case, letters, digits."""
    return [word[:WORD_LENGTH] for word in WORD.findall(text.lower())]


# Parameters: `tenant_id`, `noun` and `id` of a record, and `terms`.
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
_FOUND_BY = (
    func.unnest(bindparam("ids", type_=ARRAY(String)), bindparam("terms", type_=ARRAY(String)))
    .table_valued("record_id", "term")
    .render_derived()
)
# Parameters: `tenant_id`, `noun`, and `ids` with the `terms` of each, in the same order.
ADD_ALL = Statement(
    insert(SearchTerm)
    .from_select(
        ["tenant_id", "kind", "record_id", "term"],
        select(
            bindparam("tenant_id", type_=String),
            bindparam("noun", type_=String),
            _FOUND_BY.c.record_id,
            _FOUND_BY.c.term,
        ),
    )
    .on_conflict_do_nothing()
)


def terms_of(record_id: str, texts: Iterable[str | None], tags: Iterable[str] = ()) -> set[str]:
    """Return every term by which a record with this id, these texts and tags is found."""
    tags = tuple(tags)
    own = MARK.sub("", record_id)
    found = dict.fromkeys(word for text in (own, *texts, *tags) if text for word in words(text))
    return set(list(found)[:WORDS_PER_RECORD]) | {tag_term(tag) for tag in tags}


def tag_term(tag: str) -> str:
    """Return the term that represents a tag. A letter may become two small ones, as “İ” does."""
    return f"tag:{tag.lower()}"[:TERM_LENGTH]


def index(record: Record, terms: set[str]) -> None:
    """Set the terms by which the record is found, and change only the rows that differ."""
    put(record.tenant_id, record.noun, record.id, terms)


def put(tenant_id: str, noun: str, id: str, terms: set[str]) -> None:
    """Set the terms by which something is found that may be no record of a resource."""
    where = (
        SearchTerm.tenant_id == tenant_id,
        SearchTerm.kind == noun,
        SearchTerm.record_id == id,
    )
    session.execute(delete(SearchTerm).where(*where, SearchTerm.term.not_in(terms)))
    send(ADD, {"tenant_id": tenant_id, "noun": noun, "id": id, "terms": sorted(terms)})


# ---------------------------------------------------------------- the words of a query


Ordered = Callable[[Select[Any], Any], Select[Any]]
"""Applies the order of a list by id, and the place where to begin, to a selection of ids."""


@dataclass(frozen=True, slots=True)
class Word:
    """The range of terms that a word or a tag matches: from `low` to before `high`."""

    low: str
    high: str

    def means(self, term: Any) -> ColumnElement[bool]:
        """Return the condition that a term is this word or begins with it."""
        return and_(term >= self.low, term < self.high)


@dataclass(frozen=True, slots=True)
class Reach:
    """Bound a page of a list by id: it looks at `share` records, in one direction."""

    share: int
    downward: bool
    after: str = ""
    before: str = BEYOND
    since: str = ""
    until: str = BEYOND


NOWHERE = Reach(0, downward=True)  # for a list that is not by id


@dataclass(frozen=True, slots=True)
class Weight:
    """Measure how common a word is, as far as the query needs it.

    `terms` are the terms that the word matches, if they are at most MOST_TERMS and the list is by
    id. Then `end` is the last record of a page's share of the postings, or None if there are fewer.
    Without `terms`, `hits` are counted, up to FEW + 1.
    """

    word: Word
    terms: tuple[str, ...] | None
    end: str | None
    hits: int | None

    @property
    def is_nowhere(self) -> bool:
        """Tell whether no record has the word."""
        return self.hits == 0 or self.terms == ()


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of one kind of record in one tenant. The model has a `noun` and an `id`."""

    model: Any
    tenant_id: str

    def probe(self, word: Word, record_id: Any) -> ColumnElement[bool]:
        """Return the condition that a record has the word, with one index lookup.

        The offset keeps it one lookup, whatever the statistics suggest.
        """
        found = self._select(literal(1)).where(
            SearchTerm.record_id == record_id, word.means(SearchTerm.term)
        )
        # Without the offset, PostgreSQL may turn it into a join that reads every hit.
        return found.offset(0).exists()

    def ids(self, word: Word) -> list[str]:
        """Return the ids of the records that have a rare word."""
        found = self._select(SearchTerm.record_id).where(word.means(SearchTerm.term))
        return list(session.scalars(found.distinct().limit(FEW)))

    def few_with(self, words: Sequence[Word], most: int) -> list[str]:
        """Return the ids of a few records that have all of the words, in no special order.

        At most FEW of those with the rarest word are looked at.
        """
        weights = self.weigh(words)
        if not all(weight.hits for weight in weights):
            return []
        rarest = min(weights, key=lambda weight: weight.hits or 0).word
        seen = self._select(SearchTerm.term, SearchTerm.record_id).where(
            rarest.means(SearchTerm.term)
        )
        # In the order of the index, so that it is used.
        first = seen.order_by(SearchTerm.term, SearchTerm.record_id).limit(FEW).subquery()
        probes = (self.probe(word, first.c.record_id) for word in words if word is not rarest)
        return list(
            session.scalars(select(first.c.record_id).where(*probes).distinct().limit(most))
        )

    def postings(self, terms: Iterable[str], ordered: Ordered, most: int) -> Select[Any]:
        """Return the first records that have one of the terms."""
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

    def weigh(self, words: Sequence[Word], reach: Reach | None = None) -> list[Weight]:
        """Return how common each word is. `reach` is given for a list by id."""
        [weights] = weigh_together(words, [(self, reach)])
        return weights

    def has_rare(self, conditions: Sequence[ColumnElement[bool]]) -> bool:
        """Tell whether one of the conditions has at most RARE records."""
        if not conditions:
            return False
        own = self.model.tenant_id == self.tenant_id
        some = [
            select(literal(1)).select_from(self.model).where(own, one).limit(RARE + 1).subquery()
            for one in conditions
        ]
        counts = (select(func.count()).select_from(one).scalar_subquery() for one in some)
        return any(count <= RARE for count in session.execute(select(*counts)).one())

    def _select(self, *columns: Any) -> Select[Any]:
        return (
            select(*columns)
            .select_from(SearchTerm)
            .where(SearchTerm.tenant_id == self.tenant_id, SearchTerm.kind == self.model.noun)
        )


def weigh_together(
    words: Sequence[Word], kinds: Sequence[tuple[Terms, Reach | None]]
) -> list[list[Weight]]:
    """Return how common the words are in each kind of record of one tenant, with one statement."""
    lines = [
        {"kind": terms.model.noun, "low": word.low, "high": word.high, **asdict(reach or NOWHERE)}
        for terms, reach in kinds
        for word in words
    ]
    values = {
        "tenant_id": kinds[0][0].tenant_id, "lines": orjson.dumps(lines).decode(),
        "few": FEW, "most_terms": MOST_TERMS,
    }  # fmt: skip
    rows, many = send(WEIGH, values), len(words)
    weights = [
        Weight(word, None if terms is None else tuple(terms), end, hits)
        for word, (terms, end, hits) in zip([*words] * len(kinds), rows, strict=True)
    ]
    return [weights[n * many : (n + 1) * many] for n in range(len(kinds))]


def words_of(text: str, tag: str | None) -> list[Word]:
    """Return the words and the tag of a query, as ranges of terms."""
    # The next string after every string that begins with the word, in code point order.
    wanted = words(MARK.sub("", text.lower()))[:WORDS_PER_QUERY]
    found = [Word(word, word[:-1] + chr(ord(word[-1]) + 1)) for word in wanted]
    if tag is not None:
        found.append(Word(tag_term(tag), tag_term(tag) + "\x01"))
    return found


def narrow(
    query: Select[Any], model: type[Record], tenant_id: str, text: str, tag: str | None
) -> Select[Any]:
    """Select the records that have every word of `text` as a prefix, and the tag.

    This finds all of them, however long it takes. A page uses `portal.records.bounded_search`.
    """
    found = words_of(text, tag)
    if not found:
        return query.where(literal(False)) if text.strip() else query
    terms = Terms(model, tenant_id)
    weights = terms.weigh(found)
    rarest = min(weights, key=lambda weight: weight.hits or 0)
    if (rarest.hits or 0) <= FEW:
        found.remove(rarest.word)
        query = query.where(model.id == any_(literal(terms.ids(rarest.word), ARRAY(String))))
    return query.where(*(terms.probe(word, model.id) for word in found))
