"""Prepare every list page: the query in the address, and the links to the other pages."""

from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from portal.records.listing import Page, Query


@dataclass(frozen=True, slots=True)
class ListView:
    """A page of a list, as templates draw it; every filter is in the address."""

    items: Any
    query: Query
    next_url: str | None
    previous_url: str | None
    clear_url: str
    looked: int | None
    own: tuple[str, ...] = ()
    """Parameters of this request alone, which no address keeps."""

    @property
    def is_narrowed(self) -> bool:
        """Tell whether words or filters hide records: no match does not mean an empty list."""
        return self.query.is_narrowed

    @property
    def is_deep(self) -> bool:
        """Tell whether there are rows before this page."""
        return self.query.cursor is not None

    @property
    def first_url(self) -> str:
        """Return the address of the first page of the same query."""
        return _at(None, self.own)

    @property
    def is_backward(self) -> bool:
        """Tell whether this page was reached by going back."""
        return self.query.cursor is not None and self.query.cursor.backward

    @property
    def onward_url(self) -> str | None:
        """Return the address of the next page in the current direction."""
        return self.previous_url if self.is_backward else self.next_url

    @property
    def return_url(self) -> str | None:
        """Return the address of the next page in the other direction."""
        return self.next_url if self.is_backward else self.previous_url

    @property
    def summary(self) -> str | None:
        """Return a note about a page that ended early."""
        if self.looked is None:
            return None
        return f"Looked through {self.looked:,} records; there may be more."

    def chosen(self, name: str) -> str:
        """Return the value of a filter in the address, or an empty text."""
        return request.args.get(name, "")


def list_view(page: Page[Any], query: Query, own: tuple[str, ...] = ()) -> ListView:
    """Return the current request's list, with addresses that keep the query."""
    return ListView(
        items=page.items,
        query=query,
        next_url=page.next_cursor and _at(page.next_cursor, own),
        previous_url=page.previous_cursor and _at(page.previous_cursor, own),
        clear_url=request.path,
        looked=page.looked,
        own=own,
    )


def _at(cursor: str | None, own: tuple[str, ...]) -> str:
    left_out = ("cursor", *own)
    kept = {name: value for name, value in request.args.items() if value and name not in left_out}
    place: dict[str, Any] = {**(request.view_args or {}), **kept, "cursor": cursor}
    return url_for(request.endpoint or "", **place)
