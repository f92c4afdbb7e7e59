"""What every list page does: read the question from the address, and know the ways onward."""

from dataclasses import dataclass
from typing import Any

from flask import request, url_for

from portal.listing import Page, Query


@dataclass(frozen=True, slots=True)
class ListView:
    """A page of a list, as templates draw it; every filter is in the address."""

    items: Any
    query: Query
    next_url: str | None
    previous_url: str | None
    clear_url: str

    @property
    def is_narrowed(self) -> bool:
        """Whether words or filters hide something: no match is not an empty list."""
        query = self.query
        return bool(query.q or query.tag or query.filters or query.bounds or query.show)

    def chosen(self, name: str) -> str:
        """The value of a filter in the address, or nothing."""
        return request.args.get(name, "")


def list_view(page: Page[Any], query: Query) -> ListView:
    """The running request's list, with addresses that keep what was asked."""
    return ListView(
        items=page.items,
        query=query,
        next_url=_at(page.next_cursor),
        previous_url=_at(page.previous_cursor),
        clear_url=request.path,
    )


def _at(cursor: str | None) -> str | None:
    if cursor is None:
        return None
    asked = {name: value for name, value in request.args.items() if value}
    place: dict[str, Any] = {**(request.view_args or {}), **asked, "cursor": cursor}
    return url_for(request.endpoint or "", **place)
