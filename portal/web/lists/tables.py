"""Declare the columns of a list, and draw its rows in Python, five times as fast as a template."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any

from markupsafe import Markup

from portal.database.actor import Actor
from portal.fast.template_calls import escape_text
from portal.records.health import Tally
from portal.records.listing import OF_RECORDS, Listing
from portal.web.drawing.cells import number

BULK = "bulk"
"""The id of the form below a list that its rows' boxes belong to."""
SINCE = "since"
SPANS = {
    "15m": (timedelta(minutes=15), "15 minutes"),
    "1h": (timedelta(hours=1), "hour"),
    "24h": (timedelta(days=1), "24 hours"),
    "7d": (timedelta(days=7), "7 days"),
}
"""The values of `since`: how far back it reaches, in words too."""
DELETED = "include_deleted"
Cell = Callable[[Any, Any], str]
"""Returns the markup of a cell, from a row and from what was read beside the rows."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a list. Those that are not `is_shown` have to be chosen."""

    name: str
    label: str
    cell: Cell
    sort: str = ""
    css: str = ""
    is_shown: bool = True

    @property
    def is_number(self) -> bool:
        """Tell whether its values stand at the right."""
        return "num" in self.css


TABLES: "dict[str, Table]" = {}
"""Each table that is declared, by its name."""


@dataclass(frozen=True)
class Table:
    """A list as people see it. Its first column names the record, and is always shown.

    `name` is the resource's in REST, and `endpoint` its page. `labels` are what people call the
    fields, if their names do not say it. `whole_sort` is the order of the whole list, while a part
    of it is in the usual order.

    A log (`is_log`) lists what happened, not records: nothing in it is deleted or has tags, and it
    is not counted. Views of it are saved if it says which scope reads it (`read_with`), such as
    `webhooks`. Without columns, its own template draws it. `since` is its time that the parameter
    of this name narrows to the last minutes, hours or days. `search` is the hint in its search box,
    if it has one. `own` are parameters that the page reads by itself. `tally` is the sentence that
    begins its page.
    """

    name: str
    endpoint: str
    nouns: str
    listing: Listing[Any]
    columns: tuple[Column, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    whole_sort: str = ""
    is_log: bool = False
    read_with: str = ""
    since: str = ""
    search: str = ""
    own: tuple[str, ...] = ()
    tally: Tally | None = None

    def __post_init__(self) -> None:
        """Make the table known by its name."""
        TABLES[self.name] = self

    @property
    def searches(self) -> str:
        """Return the hint in the search box, or an empty text if there is no such box."""
        return self.search if self.is_log else f"Search {self.nouns}"

    @property
    def without(self) -> frozenset[str]:
        """Return the parameters of REST that its address cannot have."""
        if not self.is_log:
            return frozenset()
        sort = frozenset[str]() if self.columns else {"sort"}
        return (OF_RECORDS - {"q"} if self.search else OF_RECORDS) | sort

    @property
    def besides(self) -> tuple[str, ...]:
        """Return the filters that are no comparisons of a field."""
        if not self.is_log:
            return (DELETED,)
        return (SINCE,) if self.since else ()

    @cached_property
    def filters(self) -> tuple[str, ...]:
        """Return the parameters that are chips. An address may name ids, but nobody chooses it."""
        return ("id", *self.listing.comparisons, *self.besides)

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """Return the columns by their names."""
        return {column.name: column for column in self.columns}

    @cached_property
    def usual(self) -> tuple[Column, ...]:
        """Return the columns that are shown unless others are chosen."""
        return tuple(column for column in self.columns if column.is_shown)

    @property
    def scope(self) -> str:
        """Return the word before `:read` and `:write` in the scopes of its records."""
        return self.read_with or self.name.removeprefix("api-")

    @property
    def has_views(self) -> bool:
        """Tell whether people save views of it."""
        return bool(self.read_with) or not self.is_log

    def may_share(self, actor: Actor) -> bool:
        """Tell whether the actor may show views of it to others: who may change its records, and
        for a log, admins."""
        return actor.is_admin if self.is_log else actor.can(f"{self.scope}:write")

    def label(self, field: str) -> str:
        """Return what people call a field: `application_id` → “Application”."""
        known = self.labels.get(field)
        return known or field.removesuffix("_id").replace("_", " ").capitalize()

    def heads(self, columns: Iterable[Column], *, tick: bool) -> list[dict[str, Any]]:
        """Return the heads of the columns, for the macro `data_table`."""
        box = [{"label": "Select", "selects": BULK, "fit": True}] if tick else []
        return box + [
            {"label": one.label, "sort": one.sort, "num": one.is_number, "fit": "fit" in one.css}
            for one in columns
        ]

    def rows(
        self,
        items: Iterable[Any],
        beside: Any,
        columns: Sequence[Column],
        tick: Callable[[Any], bool] | None = None,
    ) -> Markup:
        """Return the rows. `tick` tells whether a row has a box to choose it by, if any has."""
        if not columns:
            return Markup()
        named, draw = columns[0].name, [one.cell for one in columns]
        pieces = _pieces(columns)
        found: list[str] = []
        for row in items:
            pieces[1] = _box(row, getattr(row, named), tick(row)) if tick else ""
            pieces[3::2] = [cell(row, beside) for cell in draw]
            found += pieces
        return Markup("".join(found))  # noqa: S704 - each cell escapes what it was given


def _pieces(columns: Sequence[Column]) -> list[str]:
    """Return what a row is joined from: its box is the second piece, and each other one a cell."""
    first, *others = columns
    pieces = ["<tr>", "", f'<th scope="row" data-label="{first.label}">', "", "</th>"]
    for one in others:
        css = f' class="{one.css}"' if one.css else ""
        pieces[-1] += f'<td{css} data-label="{one.label}">'
        pieces += ["", "</td>"]
    pieces[-1] += "</tr>\n"
    return pieces


def text(given: str | None) -> str:
    """Return a text for a cell, or a dash if there is none."""
    return escape_text(given) if given else number(None)


def is_live(row: Any) -> bool:
    """Tell whether a record can be selected: a deleted one cannot."""
    return not row.is_deleted


def _box(row: Any, name: str, may_be_chosen: bool) -> str:
    if not may_be_chosen:
        return '<td class="fit"></td>'
    return (
        f'<td class="fit"><input type="checkbox" name="id" value="{row.id}" form="{BULK}"'
        f' aria-label="Select {escape_text(name)}"></td>'
    )
