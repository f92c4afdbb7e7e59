"""Render the page of a list."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from flask import Response, current_app, render_template, request
from markupsafe import Markup

from portal.records.listing import Page, Total
from portal.web.access import actor
from portal.web.drawing.list_pages import list_view
from portal.web.htmx import render as render_page
from portal.web.lists import chips, views
from portal.web.lists.chips import Filters, Offered
from portal.web.lists.list_request import DENSITIES, ListRequest, address
from portal.web.lists.views import SavedView
from portal.web.security_headers import csp_nonce

ROWS, NONCE = "the rows of this list", "the nonce of this page"  # where they go


@dataclass(frozen=True)
class ListParts:
    """The parts of a list that templates draw around its rows."""

    asked: ListRequest
    filters: Filters
    path: str

    densities = DENSITIES

    @property
    def total(self) -> Total | None:
        """Return the number of matches, if they were counted."""
        return self.asked.total

    @property
    def saved(self) -> tuple[SavedView, ...]:
        """Return the saved views of the list."""
        return self.asked.saved

    @property
    def options(self) -> Markup:
        """Return the filters that can be added."""
        return chips.options(self.asked.table)

    def bar(self, target: str) -> Markup:
        """Return what stands above the rows: search, filters and columns. `target` is the fragment
        that a search swaps."""
        return Markup(self._once("lists/_bar.html", "", list=self, target=target))  # noqa: S704

    def rows(self, heads: Sequence[Any], label: str, lines: Markup) -> Markup:
        """Return the table with these rows."""
        boxes = heads[0]["label"]
        drawn = self._once("lists/_table.html", boxes, heads=heads, label=label, lines=ROWS)
        return Markup(drawn.replace(ROWS, lines))  # noqa: S704 - both are answers of templates

    def _once(self, template: str, variant: str, **context: Any) -> str:
        """Return a part of the page. That of a whole list is drawn once for everybody."""
        if self.asked.table.is_log or self.asked.args or self.asked.hidden():
            return render_template(template, **context)
        known: dict[Any, str] = current_app.extensions.setdefault("portal.list_parts", {})
        key, nonce = (template, self.asked.table.name, variant), csp_nonce()
        if key not in known:
            known[key] = render_template(template, **context).replace(nonce, NONCE)
        return known[key].replace(NONCE, nonce)

    @property
    def open_view(self) -> SavedView | None:
        """Return the saved view of this address."""
        wanted = self.asked.args.get("view")
        return next((view for view in self.saved if view.id == wanted), None)

    @property
    def is_modified(self) -> bool:
        """Tell whether the page shows something else than its saved view keeps."""
        view = self.open_view
        return view is not None and (
            dict(view.args) != self.asked.kept or bool(self.asked.problems)
        )

    def typed(self, view_id: str = "") -> Mapping[str, str] | None:
        """Return what was typed into the form of a view, or of a new one, if it was refused."""
        return views.typed(self.asked.table.name, view_id)

    def url_of(self, view: SavedView) -> str:
        """Return the address of a saved view."""
        return address(self.path, view.address)

    @property
    def parameters(self) -> str:
        """Return what a saved view would keep, as a query string."""
        return urlencode(self.asked.kept)

    @property
    def may_share(self) -> bool:
        """Tell whether the signed-in person may show views of this list to others."""
        return self.asked.table.may_share(actor())

    @property
    def count(self) -> str:
        """Return the number of matches in words, such as “10,000+ keys”."""
        if self.total is None:
            return ""
        nouns = self.asked.table.nouns
        return f"{self.total} {nouns.removesuffix('s') if self.total.value == 1 else nouns}"


def render(
    page: str,
    fragment: str,
    asked: ListRequest,
    found: Page[Any],
    *,
    beside: Any = None,
    offered: Offered | None = None,
    tick: Callable[[Any], bool] | None = None,
    **context: Any,
) -> Response:
    """Return the page of a list, or only its fragment for htmx.

    `tick` tells which rows have a box, for those who may change records of this list.
    """
    if not actor().can(f"{asked.table.scope}:write"):
        tick = None
    view = replace(list_view(found, asked.query, asked.table.own), clear_url=asked.whole_url)
    drawn = ListParts(
        asked=asked,
        filters=chips.filters(asked, offered or {}),
        path=request.path,
    )
    return render_page(
        page,
        fragment,
        view=view,
        list=drawn,
        heads=asked.table.heads(asked.columns, tick=tick is not None),
        lines=asked.table.rows(found.items, beside, asked.columns, tick),
        **{"said": asked.said, **context},
    )
