"""The columns that several features ask the database for, and what comes back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Select,
    String,
    any_,
    func,
    select,
    type_coerce,
    union_all,
)

from portal.database.actor import Actor
from portal.database.record import Record
from portal.overview.parts import Act, Harm, Need, Tally
from portal.records import health
from portal.records.health import Health

HOURS = 24
LISTED = 5  # records of a kind and harm that are shown
COUNTED = 100  # of them that are counted
HARM = {"failing": Harm.FAILING, "attention": Harm.ATTENTION, "held": Harm.HELD}


def troubled(
    actor: Actor, model: type[Record], groups: Mapping[str, tuple[Select[Any], Any]]
) -> dict[str, ColumnElement[Any]]:
    """Return columns with how many records each group has (up to COUNTED + 1), and with all that
    the health of the first LISTED of each needs.

    A group is a query and an order. An index must serve the query, since it is not sorted: only
    what was counted is. The facts of all groups are read together, which is planned once.
    """
    columns: dict[str, ColumnElement[Any]] = {}
    shown = []
    for name, (some, order) in groups.items():
        found = some.with_only_columns(model.id.label("id"), order.label("place"))
        sample = found.limit(COUNTED + 1).cte()
        first = select(sample.c.id).order_by(sample.c.place).limit(LISTED).cte()
        shown.append(select(first.c.id))
        columns[name] = func.json_build_array(
            select(func.count()).select_from(sample).scalar_subquery(),
            func.array_to_json(func.array(select(first.c.id).scalar_subquery())),
        )
    ids = type_coerce(func.array(union_all(*shown).scalar_subquery()), ARRAY(String))
    name_of: Any = model.name  # type: ignore[attr-defined]  # of all kinds that are asked for
    rows = (
        select(model.id, name_of.label("name"), *health.columns(model))
        .where(model.tenant_id == actor.tenant_id, model.id == any_(ids))
        .subquery()
    )
    as_json = func.json_agg(func.row_to_json(rows.table_valued()))
    columns["rows"] = select(as_json).select_from(rows).scalar_subquery()
    return columns


def needs(
    actor: Actor, model: type[Record], page: str, found: Mapping[str, Any], groups: Iterable[str]
) -> list[Need]:
    """Return the records that `troubled` found as rows of the overview, in the order of the
    groups; one that is in several is in the first."""
    rows = {row["id"]: row for row in found["rows"] or ()}
    ids = dict.fromkeys(id_ for group in groups for id_ in found[group][1])
    judged = [(id_, rows[id_]["name"], health.of_row(model, rows[id_])) for id_ in ids]
    return [
        Need(
            id=id_,
            harm=Harm.LEAKED if one.short == "leaked" else HARM[one.status],
            status=one.status,
            title=name,
            text=one.reason,
            url=url_for(page, record_id=id_),
            since=one.since,
            act=act_of(actor, one, id_) or Act("Open", url_for(page, record_id=id_)),
        )
        for id_, name, one in judged
        if one.status in HARM
    ]


def tally(harm: Harm, found: Sequence[Any], one: str, many: str, url: str) -> Tally:
    """Return how many records a group has, with the words for one and for several."""
    number, ids = found
    return Tally(harm, number, COUNTED, one, many, url, len(ids))


def act_of(actor: Actor, found: Health, record_id: str) -> Act | None:
    """Return the next step for a record, if the actor may do it."""
    if not found.page or (found.needs and not actor.can(found.needs)):
        return None
    named: dict[str, Any] = {found.names: record_id}
    if found.posts:
        return Act(found.act, url_for(found.posts, **named), {})
    return Act(found.act, url_for(found.page, **named))


def first_hour(now: datetime) -> datetime:
    """Return the beginning of the last HOURS hours, the one that has begun among them."""
    return now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def this_hour() -> ColumnElement[datetime]:
    """Return the same beginning as an expression of the database."""
    hour: ColumnElement[datetime] = func.date_trunc("hour", func.now(), "UTC")
    return hour - timedelta(hours=HOURS - 1)


def by_hour(rows: Sequence[Sequence[Any]], now: datetime) -> list[list[Sequence[Any]]]:
    """Return the rows of each of the last HOURS hours; each row begins with its hour."""
    first = first_hour(now)
    hours: list[list[Sequence[Any]]] = [[] for _ in range(HOURS)]
    for row in rows:
        place = (datetime.fromisoformat(row[0]) - first) // timedelta(hours=1)
        if 0 <= place < HOURS:  # what waits may be older
            hours[place].append(row)
    return hours
