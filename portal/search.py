"""Words by prefix over many records, through terms in a side table.

Only equality and range keep their index under row-level security (`LIKE` and `@>` are not
leakproof), so every searchable word of a record is a row here, and `q` is a range over them.
"""

import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Index,
    Select,
    String,
    delete,
    exists,
    func,
    literal,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, mapped_column

from portal.db import Base, Record, session

WORD = re.compile(r"[^\W_]+")
WORD_LENGTH = 60
WORDS_PER_RECORD = 200
WORDS_PER_QUERY = 8
# Up to this many hits are fetched and sorted; above it the list is walked and probed instead.
FEW = 2000
# A prepared statement's plan would not know whether the words are rare or common, and the right
# plans differ a hundredfold. Sent with the counts, and gone with the transaction.
PLAN_FOR_THESE_WORDS = select(
    literal(-1).label("number"),
    func.length(func.set_config("plan_cache_mode", "force_custom_plan", True)).label("hits"),
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
    key = {"tenant_id": record.tenant_id, "kind": record.noun, "record_id": record.id}
    rows = [{**key, "term": term} for term in sorted(terms)]
    if rows:
        session.execute(insert(SearchTerm).on_conflict_do_nothing(), rows)


def narrow(
    query: Select[Any], model: type[Record], tenant_id: str, text: str, tag: str | None
) -> Select[Any]:
    """Keep the records that have every word of `text` as a prefix, and the tag.

    One extra statement counts up to FEW hits of each word, so that a rare word is fetched by its
    own index and a common one is probed along the list's order: no page waits for the table.
    """
    conditions = [_prefix(word) for word in words(text)[:WORDS_PER_QUERY]]
    if tag is not None:
        conditions.append(SearchTerm.term == tag_term(tag))
    if not conditions:
        return query.where(literal(False)) if text.strip() else query
    base = (SearchTerm.tenant_id == tenant_id, SearchTerm.kind == model.noun)
    hits = _hits(base, conditions)
    rarest = hits.index(min(hits))
    for number, condition in enumerate(conditions):
        if number == rarest and hits[number] <= FEW:
            ids = select(SearchTerm.record_id).where(*base, condition).distinct().limit(FEW)
            query = query.where(model.id.in_(session.scalars(ids).all()))
        else:
            probe = exists().where(*base, SearchTerm.record_id == model.id, condition)
            query = query.where(probe)
    return query


def _prefix(word: str) -> ColumnElement[bool]:
    # The next string after every string that begins with the word, in code point order.
    return (SearchTerm.term >= word) & (SearchTerm.term < word[:-1] + chr(ord(word[-1]) + 1))


def _hits(
    base: tuple[ColumnElement[bool], ...], conditions: list[ColumnElement[bool]]
) -> list[int]:
    """How many terms match each condition, counted no further than FEW + 1."""
    counts = []
    for number, condition in enumerate(conditions):
        some = select(literal(1)).select_from(SearchTerm).where(*base, condition)
        limited = some.limit(FEW + 1).subquery()
        columns = (literal(number).label("number"), func.count().label("hits"))
        counts.append(select(*columns).select_from(limited))
    rows = session.execute(union_all(*counts, PLAN_FOR_THESE_WORDS)).all()
    return [hits for number, hits in sorted((row.number, row.hits) for row in rows) if number >= 0]
