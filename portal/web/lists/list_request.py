"""Read what the address of a list's page asks: the query of REST, and how to show its answer."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode

from flask import g, redirect, request
from sqlalchemy import Select, select
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from portal.core.errors import BadRequest, one_of
from portal.database.actor import Actor
from portal.database.session import execute_anew
from portal.database.written import read_written
from portal.records import listing
from portal.records.health import Health
from portal.records.listing import Query, Total
from portal.web.access import actor
from portal.web.htmx import portal_request
from portal.web.lists import views
from portal.web.lists.tables import SINCE, SPANS, Column, Table
from portal.web.lists.views import SavedView

DENSITIES = ("comfortable", "compact")
# What only the page understands; REST knows all others.
SHOWING = ("columns", "density")
OF_PAGES = (*SHOWING, "view", "filter")
PLACES = ("cursor", "filter", "limit", "count")  # a saved view keeps none of these
ALL = "all"  # the view of the whole list
MOST_PROBLEMS = 10
LONG_SECONDS = 60  # that a whole list stays known as longer than can be counted
MOST_LONG = 10_000  # such lists that a process knows
LONGEST = 20_000  # characters of a query string


@dataclass(frozen=True)
class ListRequest:
    """The checked address of a list's page. `problems` tell what a saved view could not ask."""

    table: Table
    args: Mapping[str, str]
    query: Query
    columns: tuple[Column, ...]
    problems: tuple[str, ...] = ()
    saved: tuple[SavedView, ...] = ()
    total: Total | None = None
    said: Health | None = None

    @property
    def density(self) -> str:
        """Return how close the rows are."""
        return self.args.get("density", DENSITIES[0])

    @property
    def editing(self) -> str:
        """Return the parameter of the filter that is being edited, or an empty text."""
        return self.args.get("filter", "")

    @property
    def kept(self) -> dict[str, str]:
        """Return the parameters that a saved view keeps."""
        return {name: text for name, text in self.args.items() if name not in (*PLACES, "view")}

    @property
    def matching(self) -> dict[str, str]:
        """Return the parameters that say which records the list has, as REST takes them."""
        other = (*OF_PAGES, *PLACES, "sort")
        return {name: text for name, text in self.args.items() if text and name not in other}

    @property
    def whole_url(self) -> str:
        """Return the address of the whole list."""
        return _whole(self.table)

    def url(self, **changes: str | None) -> str:
        """Return the address of the first page with some parameters changed; None drops one."""
        args = {**self.args, "cursor": None, "filter": None, **changes}
        return address(request.path, args) if any(args.values()) else self.whole_url

    def hidden(self, *without: str) -> list[tuple[str, str]]:
        """Return the parameters that a form sends beside its own.

        A form that is emptied shows the whole list, also if another view opens first.
        """
        left_out = {"cursor", "filter", *without}
        args = {"view": ALL, **self.args} if views.default_of(self.saved) else self.args
        return [(name, text) for name, text in args.items() if name not in left_out]


def address(path: str, args: Mapping[str, str | None]) -> str:
    """Return a path with a query string; what is None or empty is left out."""
    query = urlencode({name: text for name, text in args.items() if text})
    return f"{path}?{query}" if query else path


def whole(path: str) -> str:
    """Return the address of a whole list. Its path alone opens with the default view."""
    return address(path, {"view": ALL})


def _whole(table: Table) -> str:
    return whole(request.path) if table.has_views else request.path


def arguments_of(query: str) -> dict[str, str]:
    """Return the parameters of a query string, as a form sends it back."""
    return {name: text for name, text in parse_qsl(query[:LONGEST]) if text}


def better_address(table: Table) -> Response | None:
    """Return a redirect if this page has a simpler address, or a default view to begin with.

    A form sends a parameter for each value that is ticked, and those that are left empty.
    """
    given = request.args
    if not given and not portal_request().wants_fragment:
        begin = views.default_of(list_request(table).saved)
        return redirect(address(request.path, begin.address)) if begin else None
    several = {*table.listing.comparisons, "either", "columns"}
    repeated = [name for name in given if len(given.getlist(name)) > 1 and name in several]
    usual = ",".join(column.name for column in table.usual)
    args: dict[str, str | None] = {**given.to_dict()}
    args |= {name: ",".join(filter(None, given.getlist(name))) for name in repeated}
    args |= {"columns": None} if args.get("columns") == usual else {}
    args |= {"density": None} if args.get("density") == DENSITIES[0] else {}
    if "" not in given.values() and all(args.get(name) == given[name] for name in given):
        return None
    return redirect(address(request.path, args) if any(args.values()) else _whole(table))


def list_request(table: Table) -> ListRequest:
    """Return what this page's address asks. Raise BadRequest that names a wrong parameter.

    If a saved view is open, leave out what has become wrong, and tell it.
    """
    known: dict[str, ListRequest] = g.setdefault("lists_asked", {})
    if table.name not in known:
        read = _tolerant(table)
        is_part = any(name in request.args for name in table.own)  # such as the newest rows
        known[table.name] = _surrounded(read) if table.has_views and not is_part else read
    return known[table.name]


def _surrounded(asked: ListRequest) -> ListRequest:
    """Return the same with what surrounds the rows: the saved views of the list, the number of
    matches and, on a page, the first sentence. One statement reads all of a whole list's."""
    caller, source, table, query = actor(), views.source(), asked.table, asked.query
    tally = None if portal_request().wants_fragment else table.tally
    is_whole = not query.is_narrowed
    whose = (caller.tenant_id, caller.id, table.name, query.include_deleted)
    is_long = is_whole and time.monotonic() < _long_until.get(whose, 0)
    is_counted = not (query.q or query.tag or is_long or table.is_log)  # words take long

    def written(actor: Actor) -> Select[Any]:
        counts = listing.counting(actor, table.listing, query) if is_counted else ()
        told = tally.columns(actor) if tally and is_whole else ()
        numbered = (source.column(actor, table.name), *counts)
        return select(*(column.label(str(n)) for n, column in enumerate(numbered)), *told)

    if is_whole or table.is_log:  # the same statement for all who ask
        name = ("list", table.name, query.include_deleted, tally, is_counted)
        [found] = read_written(caller, name, written, alone=True)
        said = tally.say(found) if tally else None
    else:
        found = dict(execute_anew(written(caller)).mappings().one())
        said = tally.summary(caller) if tally else None
    total = listing.total_of(found["1"], found["2"]) if is_counted else None
    if is_long:
        total = Total(listing.MOST_COUNTED, is_more=True)
    elif is_whole and total and total.is_more:
        _note_long(whose)
    saved = tuple(source.read(caller, table.name, found["0"]))
    return replace(asked, saved=saved, total=total, said=said)


_long_until: dict[Any, float] = {}
"""Until when whole lists count as longer than can be counted, by who sees them: to count so many
records takes longer than to read a page of them."""


def _note_long(whose: Any) -> None:
    if len(_long_until) >= MOST_LONG:
        _long_until.clear()
    _long_until[whose] = time.monotonic() + LONG_SECONDS


def _tolerant(table: Table) -> ListRequest:
    args = MultiDict(request.args)
    problems: list[str] = []
    while True:
        try:
            return _read(table, args, tuple(problems))
        except BadRequest as error:
            wrong = error.errors[0].field if error.errors else ""
            if not args.get("view") or wrong not in args or len(problems) >= MOST_PROBLEMS:
                raise
            problems.append(error.detail)
            del args[wrong]


def _read(table: Table, args: MultiDict[str, str], problems: tuple[str, ...]) -> ListRequest:
    of_page = {*OF_PAGES, *table.own, *([SINCE] if table.since else [])}
    sent = list(args.items(multi=True))
    own: MultiDict[str, str] = MultiDict([one for one in sent if one[0] in of_page])
    plain: MultiDict[str, str] = MultiDict([one for one in sent if one[0] not in of_page])
    given = listing.each_once(of_page, own)
    columns = _columns(table, given.get("columns", ""))
    if (density := given.get("density", DENSITIES[0])) not in DENSITIES:
        raise listing.refused("density", one_of(density, DENSITIES))
    if (editing := given.get("filter", "")) and editing not in table.filters:
        raise listing.refused("filter", one_of(editing, sorted(table.filters)))
    if table.whole_sort and not plain.keys() - {"cursor", "limit"}:
        plain["sort"] = table.whole_sort
    query = listing.parse(table.listing, plain, table.without)
    if table.since and (span := given.get(SINCE)):
        query = _lately(query, table.since, span)
    kept = {name: text for name, text in args.to_dict().items() if name not in table.own}
    return ListRequest(table, kept, query, columns, problems)


def _lately(query: Query, name: str, span: str) -> Query:
    """Return the query for what has this time in the last so many minutes, hours or days."""
    if span not in SPANS:
        raise listing.refused(SINCE, one_of(span, list(SPANS)))
    key, begin = f"{name} after", datetime.now(UTC) - SPANS[span][0]
    return replace(query, bounds={**query.bounds, key: max(begin, query.bounds.get(key, begin))})


def _columns(table: Table, chosen: str) -> tuple[Column, ...]:
    if not chosen:
        return table.usual
    names = chosen.split(",")
    for name in names:
        if name not in table.by_name:
            raise listing.refused("columns", one_of(name, list(table.by_name)))
    first = table.columns[0]
    return tuple(one for one in table.columns if one is first or one.name in names)


def check(table: Table, args: Mapping[str, Any]) -> None:
    """Raise BadRequest if these parameters cannot be the address of a list's page."""
    _read(table, MultiDict(args), ())
