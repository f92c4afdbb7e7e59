"""The columns that several features ask the database for, and what comes back."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import url_for
from sqlalchemy import ARRAY, ColumnElement, Select, String, any_, func, select, type_coerce

from portal.database.actor import Actor
from portal.database.record import Record
from portal.overview.parts import Act, Harm, Need
from portal.records import health
from portal.records.health import Health

HOURS = 24
LISTED = 5  # records of a kind and harm that are shown
COUNTED = 100  # of them that are counted
HARM = {"failing": Harm.FAILING, "attention": Harm.ATTENTION, "held": Harm.HELD}


def troubled(
    actor: Actor, model: type[Record], some: Select[Any], order: Any
) -> ColumnElement[Any]:
    """Return a column with how many records a query finds (up to COUNTED + 1), and with all that
    the health of the first LISTED needs.

    `some` must be served by an index, since it is not sorted: only what was counted is.
    """
    found = some.with_only_columns(model.id.label("id"), order.label("place")).limit(COUNTED + 1)
    sample = found.cte()
    first = select(sample.c.id).order_by(sample.c.place).limit(LISTED)
    ids = type_coerce(func.array(first.scalar_subquery()), ARRAY(String))
    name: Any = model.name  # type: ignore[attr-defined]  # all that have a health but applications
    rows = (
        select(model.id, name.label("name"), *health.columns(model))
        .where(model.tenant_id == actor.tenant_id, model.id == any_(ids))
        .subquery()
    )
    as_json = func.json_agg(func.row_to_json(rows.table_valued()))
    return func.json_build_object(
        "number",
        select(func.count()).select_from(sample).scalar_subquery(),
        "rows",
        select(func.coalesce(as_json, func.json_build_array())).select_from(rows).scalar_subquery(),
    )


def needs(actor: Actor, model: type[Record], page: str, found: Mapping[str, Any]) -> Sequence[Need]:
    """Return the records that `troubled` found as rows of the overview."""
    judged = [(row["id"], row["name"], health.of_row(model, row)) for row in found["rows"]]
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
        place = int((datetime.fromisoformat(row[0]) - first) / timedelta(hours=1))
        hours[min(max(place, 0), HOURS - 1)].append(row)
    return hours
