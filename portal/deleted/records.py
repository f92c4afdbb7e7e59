"""Read the deleted records of every kind, newest first, with one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from flask import Flask, current_app
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    true,
    tuple_,
    union_all,
)

from portal.core.errors import Forbidden
from portal.database.actor import Actor
from portal.database.audience import as_member
from portal.database.record import Record, stopped_obstacle
from portal.database.session import session
from portal.records import listing, search
from portal.records.audit import trail
from portal.records.listing import Arguments, Cursor, Listing, Page, Query
from portal.records.quotas import counts
from portal.records.verbs import RESTORE_DAYS
from portal.rest.resources import Resource
from portal.web.finding import declared
from portal.web.finding.declared import Kind

EXTENSION = "portal.deleted"
LOOKED_AT = 1000  # deleted records that a page with words looks through
SORT = "-deleted_at"
NOT_TAKEN = ("id", "sort", "tag", "include_deleted", "count")  # parameters of other lists
RESTORABLE = timedelta(days=RESTORE_DAYS)
ANY_COLUMN = cast("Any", literal("", String))  # only the names of the listing count


@dataclass(frozen=True, slots=True)
class Deleted:
    """One deleted record. `obstacle` says why the caller cannot restore it now, if that is so.

    `deleted_by_name` is the name at that time of who deleted it, if the audit log has it.
    """

    kind: Kind
    id: str
    name: str
    deleted_at: datetime
    deleted_by: str | None
    deleted_by_name: str | None
    obstacle: str | None

    @property
    def resource(self) -> str:
        """Return its resource, as paths name it."""
        return self.kind.resource.name

    @property
    def restorable_until(self) -> datetime:
        """Return the time after which it is purged."""
        return self.deleted_at + RESTORABLE


def init_app(app: Flask, deletable: Sequence[Resource[Any, Any]]) -> None:
    """Let the list have the records of these resources. A kind that may not be read has none."""
    app.extensions[EXTENSION] = Listing(
        model=Record,
        filters={"kind": ANY_COLUMN},
        choices={"kind": [one.name for one in deletable]},
        prefixes=[one.model.id_prefix for one in deletable],
        sorts={"deleted_at": ANY_COLUMN},
        default_sort=SORT,
    )


def kinds(actor: Actor) -> list[Kind]:
    """Return the kinds of records that can be deleted and restored, and that the actor may read."""
    return [kind for kind in declared.kinds(actor) if kind.resource.delete]


def parse(arguments: Arguments) -> Query:
    """Return the checked query in a query string. Raises BadRequest that names a wrong
    parameter."""
    declared_list: Listing[Any] = current_app.extensions[EXTENSION]
    return listing.parse(declared_list, arguments, NOT_TAKEN)


def page(actor: Actor, query: Query) -> Page[Any]:
    """Return one page of the `Deleted` that the actor may know of, newest first.

    With words, a page looks through LOOKED_AT records, and may so end early.
    """
    chosen = query.filters.get("kind")
    found = [kind for kind in kinds(actor) if chosen in (None, kind.resource.name)]
    words = search.words_of(query.q, None)
    if not found or (query.q.strip() and not words):
        return Page([])
    most = LOOKED_AT if words else query.limit
    statement = _newest(actor if not words else as_member(actor), found, query, words, most)
    rows = session.execute(statement).all()
    hits = [row for row in rows if row.is_hit]
    shown = hits[: query.limit]
    if len(hits) > query.limit:
        return Page(_described(actor, found, shown), _after(shown[-1]))
    if rows and rows[-1].number > most:
        return Page(_described(actor, found, shown), _after(rows[-1]), looked=most)
    return Page(_described(actor, found, shown))


# ---------------------------------------------------------------- the statement


def _newest(
    actor: Actor, found: Sequence[Kind], query: Query, words: Sequence[search.Word], most: int
) -> Select[Any]:
    """Select the newest deleted records of these kinds: those with the words, and the last one that
    was looked at, each with its number in the order."""
    parts = [_of_kind(actor, kind.resource.model, query, most + 1) for kind in found]
    every = union_all(*(part.subquery().select() for part in parts)).subquery()
    newest_first = every.c.deleted_at.desc(), every.c.id.desc()
    number = func.row_number().over(order_by=newest_first).label("number")
    first = select(every, number).order_by(*newest_first).limit(most + 1).subquery()
    has_words = and_(true(), *(_has(actor, found, first, word) for word in words)).label("is_hit")
    seen = select(first, has_words).subquery()
    kept = or_(seen.c.is_hit, seen.c.number > most)
    return select(seen).where(kept).order_by(seen.c.number)


def _of_kind(actor: Actor, model: type[Any], query: Query, most: int) -> Select[Any]:
    columns = (
        literal(model.noun).label("noun"),
        model.id,
        model.name,
        model.app_id,
        model.deleted_at,
        model.deleted_by,
        model.stopped_as().label("stopped_as"),
    )
    own = model.seen_by(actor).with_only_columns(*columns)
    conditions = [model.is_deleted, model.deleted_at > func.now() - RESTORABLE]
    if query.cursor is not None:
        conditions += _older(model, query.cursor)
    newest_first = model.deleted_at.desc(), model.id.desc()
    return cast("Select[Any]", own.where(*conditions).order_by(*newest_first).limit(most))


def _older(model: type[Any], cursor: Cursor) -> list[ColumnElement[bool]]:
    at = listing.moment_of({"cursor": cursor.value}, "cursor")
    # The first comparison is the one that the index serves.
    place = tuple_(model.deleted_at, model.id) < tuple_(at, cursor.record_id)
    return [model.deleted_at <= at, place]


def _has(actor: Actor, found: Sequence[Kind], rows: Any, word: search.Word) -> ColumnElement[bool]:
    """Return the condition that a row's record has the word."""
    models = (kind.resource.model for kind in found)
    probes = [
        and_(
            rows.c.noun == model.noun,
            search.Terms(model, actor.tenant_id).probe(word, rows.c.id),
        )
        for model in models
    ]
    return or_(false(), *probes)


def _after(row: Any) -> str:
    return Cursor(SORT, row.deleted_at.isoformat(), row.id).encode()


# ---------------------------------------------------------------- what is said of each


def _described(actor: Actor, found: Sequence[Kind], rows: Sequence[Any]) -> list[Deleted]:
    if not rows:
        return []
    by_noun = {kind.resource.model.noun: kind for kind in found}
    names = trail.who_deleted(actor, {row.id: row.deleted_at for row in rows})
    full = counts.full(actor.tenant_id, {by_noun[row.noun].resource.model for row in rows})
    return [
        Deleted(
            kind=by_noun[row.noun],
            id=row.id,
            name=row.name,
            deleted_at=row.deleted_at,
            deleted_by=row.deleted_by,
            deleted_by_name=names.get(row.id),
            obstacle=_obstacle(actor, by_noun[row.noun], row, full),
        )
        for row in rows
    ]


def _obstacle(actor: Actor, kind: Kind, row: Any, full: Mapping[str, str]) -> str | None:
    """Return why the actor cannot restore a record now, or None."""
    try:
        actor.require(f"{kind.resource.scope}:write")
    except Forbidden as error:
        return error.detail
    if actor.app_id not in (None, row.app_id):
        return "Your application did not make it. Ask an editor or admin of your tenant."
    return stopped_obstacle(row.stopped_as) or full.get(kind.resource.model.quota)
