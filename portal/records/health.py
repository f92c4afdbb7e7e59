"""Tell how a record is: one word, since when, why, and what to do now. Nothing of it is stored.

A feature gives a `Judge` for its kind of record: the facts beside the record as one SQL expression,
and a pure function that makes the health of them. Lists, heads of pages and REST all use it, so
they say the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    DateTime,
    Select,
    String,
    TextClause,
    any_,
    bindparam,
    cast,
    func,
    select,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import JSONB

from portal.database.actor import Actor
from portal.database.record import Record
from portal.database.session import send, session
from portal.database.written import read_written
from portal.fast.statements import Statement

Word = Literal["failing", "attention", "held", "works", "not_tried", "off"]
WORDS: tuple[Word, ...] = get_args(Word)
"""From the worst to what nobody has to look at."""

MOST, FEW = 1000, 100
"""The most records that a list's first sentence counts, and the most with something to tell."""

UNKNOWN = object()
"""Stands for the facts of a new record if these are to be read."""


class RecordHealth(BaseModel):
    """Health of a record, derived from its state and its last results. Read-only."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    status: Word
    """One word. works = its last use or check was good, and nothing is left to do. attention = it
    works, or may work, and somebody should look. failing = it does not work. held = stopped on
    purpose or by its application, and can go on. not_tried = not used or checked yet.
    off = disabled, ended or deleted."""
    since: datetime | None
    """Time since which it is so; null if nobody noted it."""
    reason: str
    """Reason of the status, as a sentence for people. Do not parse it."""
    next: str | None
    """Next step, as a sentence for people; null if there is nothing to do."""


@dataclass(frozen=True, slots=True)
class Health:
    """The health of one record. `short` says in a word or two why it has this status.

    `act` is the link to the page where the next step is done, and `page` its endpoint, which gets
    the id of the record as `names`. Only who has the scope `needs` is offered it. `posts` is the
    endpoint of a form that does it at once, if there is one.
    """

    status: Word
    reason: str
    since: datetime | None = None
    next: str | None = None
    page: str = ""
    act: str = ""
    short: str = ""
    names: str = "record_id"
    needs: str = ""
    posts: str = ""

    def document(self) -> dict[str, Any]:
        """Return the health as the API returns it."""
        return {
            "status": self.status,
            "since": self.since,
            "reason": self.reason,
            "next": self.next,
        }


@dataclass(frozen=True)
class Judge:
    """Make the health of one kind of record.

    `fields` are the attributes of the record that `health` reads, by name; `facts` is what it needs
    beside them, as one JSON value. `of_new` are the facts of a record that was created just now, if
    they need not be read.
    """

    fields: tuple[str, ...]
    facts: Callable[[], ColumnElement[Any]]
    health: Callable[[Mapping[str, Any], Any], Health]
    of_new: Any = UNKNOWN


_judges: dict[type[Record], Judge] = {}


def judge(model: type[Record], by: Judge) -> None:
    """Register how the health of this kind of record is judged."""
    _judges[model] = by


def expressions(model: type[Record]) -> Mapping[str, Callable[[], ColumnElement[Any]]]:
    """Return the SQL of the field `health`: the facts, of which `with_health` makes the health."""
    return {"health": lambda: _judges[model].facts()}


def with_health(model: type[Record], document: dict[str, Any]) -> dict[str, Any]:
    """Return a document that has the facts in its field `health` with the health instead."""
    if "health" in document:
        found = _judges[model].health(document, document["health"])
        document["health"] = found.document()
    return document


def of_all(records: Sequence[Record]) -> dict[str, Health]:
    """Return the health of records of one tenant by their ids, in one statement.

    Records of a kind that has no health are left out.
    """
    judged: list[Record] = [record for record in records if type(record) in _judges]
    if not judged:
        return {}
    ids: dict[type[Record], list[str]] = {}
    for record in judged:
        ids.setdefault(type(record), []).append(record.id)
    of_kinds = tuple((model, _judges[model]) for model in ids)
    values = {f"ids_{place}": own for place, own in enumerate(ids.values())}
    session.flush()
    facts = dict(send(_facts_statement(of_kinds), {"tenant_id": judged[0].tenant_id, **values}))
    return {one.id: _of(_judges[type(one)], one, facts[one.id]) for one in judged}


@cache
def _facts_statement(kinds: tuple[tuple[type[Record], Judge], ...]) -> Statement:
    """Return the statement that reads the facts of records of these kinds, by `ids_0` and so on.

    PostgreSQL plans it once: planning it takes more time than its answer.
    """
    tenant_id: Any = bindparam("tenant_id")
    queries = []
    for place, (model, by) in enumerate(kinds):
        ids: Any = type_coerce(bindparam(f"ids_{place}"), ARRAY(String))
        own = (model.tenant_id == tenant_id, model.id == any_(ids))
        queries.append(select(model.id, cast(by.facts(), JSONB)).where(*own))
    return Statement(queries[0] if len(queries) == 1 else union_all(*queries), is_planned_once=True)


def of(record: Record) -> Health:
    """Return the health of one record, in one statement."""
    return of_all([record])[record.id]


def of_new(record: Record) -> Health:
    """Return the health of a record that was created in this transaction."""
    by = _judges[type(record)]
    return of(record) if by.of_new is UNKNOWN else _of(by, record, by.of_new)


def with_facts(record: Record, facts: Any) -> Health:
    """Return the health of a record whose facts were read with something else."""
    return _of(_judges[type(record)], record, facts)


def columns(model: type[Record]) -> list[ColumnElement[Any]]:
    """Return what `of_row` makes the health of: the fields that the judge reads, and the facts."""
    by = _judges[model]
    return [*(getattr(model, name).label(name) for name in by.fields), by.facts().label("facts")]


def of_row(model: type[Record], row: Mapping[str, Any]) -> Health:
    """Return the health of a row of `columns` that was read as JSON, where times are texts."""
    by, times = _judges[model], _times(model)
    fields = {name: moment(row[name]) if name in times else row[name] for name in by.fields}
    return by.health(fields, row["facts"])


@cache
def _times(model: type[Record]) -> frozenset[str]:
    """Return the fields that the judge reads and that are times."""
    fields = _judges[model].fields
    return frozenset(name for name in fields if isinstance(getattr(model, name).type, DateTime))


def _of(by: Judge, record: Record, facts: Any) -> Health:
    return by.health({name: getattr(record, name) for name in by.fields}, facts)


@dataclass(frozen=True)
class Tally:
    """The sentence that begins a list, and the counts that it is made of.

    Counted are the live records that meet each of the `conditions` for an actor: up to FEW + 1,
    and up to `most` + 1 where there is no condition. `say` returns None for an empty list.
    """

    model: type[Record]
    conditions: Callable[[Actor], Mapping[str, ColumnElement[bool] | TextClause | None]]
    say: Callable[[Mapping[str, int]], Health | None]
    most: int = MOST

    def columns(self, actor: Actor) -> list[ColumnElement[Any]]:
        """Return the counts as columns of any statement, by their names."""
        seen = self.model.seen_by(actor).where(self.model.is_deleted.is_(False))
        live = seen.with_only_columns(self.model.id)
        found: list[ColumnElement[Any]] = []
        for name, condition in self.conditions(actor).items():
            few_of_them = live if condition is None else live.where(condition)
            some = few_of_them.limit((self.most if condition is None else FEW) + 1).subquery()
            found.append(select(func.count()).select_from(some).scalar_subquery().label(name))
        return found

    def summary(self, actor: Actor) -> Health | None:
        """Return the sentence with its word, in one statement."""

        def written(actor: Actor) -> Select[Any]:
            return select(*self.columns(actor))

        return self.say(read_written(actor, self, written)[0])


def summary(noun: str, found: Mapping[str, int], also: Sequence[str] = ()) -> Health | None:
    """Return the sentence of a tally that found `all`, `failing` and `caring`; None for an empty
    list. `also` says more of it."""
    number, failing = found["all"], found["failing"]
    if not number:
        return None
    every = counted(number, noun, MOST)
    said = f"{up_to(FEW, failing)} of {every} {'fails' if failing == 1 else 'fail'}"
    if not failing:
        said = f"None of {every} fails" if number > 1 else f"The only {noun} does not fail"
    word: Word = "failing" if failing else "attention" if found["caring"] else "works"
    return Health(word, f"{'; '.join((said, *also))}.")


# ---------------------------------------------------------------- words that judges share


def sql(package: str, name: str) -> str:
    """Return the SQL in a file of a package, without its comments."""
    lines = resources.files(package).joinpath(name).read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def moment(text: str | None) -> datetime | None:
    """Return a time among the facts, which are JSON."""
    return datetime.fromisoformat(text) if text else None


MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def clock(at: datetime, now: datetime) -> str:
    """Return a time as “13:42 UTC”, with its day if it is not today.

    A list does this for each row, and `strftime` takes four times as long.
    """
    here, today = at.astimezone(UTC), now.astimezone(UTC).date()
    year = f" {here.year}" if here.year != today.year else ""
    day = f"{here.day} {MONTHS[here.month - 1]}{year}, " if here.date() != today else ""
    return f"{day}{here.hour:02}:{here.minute:02} UTC"


def counted(number: int, noun: str, most: int | None = None, nouns: str = "") -> str:
    """Return “1 delivery”, “194 deliveries” or, beyond the `most` that were counted, “1,000+
    deliveries”."""
    said = f"{number:,}" if most is None else up_to(most, number)
    return f"{said} {noun if number == 1 else nouns or noun + 's'}"


def listed(parts: Sequence[str]) -> str:
    """Return parts of a sentence as people list them: “a, b and c”."""
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def up_to(most: int, number: int) -> str:
    """Return a number as people read it: “100+” for more than the 100 that were counted."""
    return f"{most:,}+" if number > most else f"{number:,}"
