"""Show the saved views of a list as tabs. The feature that keeps them gives their source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, g

from portal.database.actor import Actor
from portal.web.access import actor
from portal.web.htmx import portal_request

KEY = "portal.saved_views"


@dataclass(frozen=True, slots=True)
class SavedView:
    """A saved view as a tab: its name, its parameters, and what its reader may do with it."""

    id: str
    name: str
    args: Mapping[str, str]
    is_shared: bool
    is_default: bool
    is_mine: bool
    may_change: bool
    may_share: bool
    position: int

    @property
    def address(self) -> dict[str, str | None]:
        """Return the parameters of its address."""
        return {"view": self.id, **self.args}


Source = Callable[[Actor, str], Sequence[SavedView]]


def from_source(app: Flask, source: Source) -> None:
    """Let the feature of saved views read those of a list for a person."""
    app.extensions[KEY] = source


def of_list(name: str) -> Sequence[SavedView]:
    """Return the saved views of a list that the signed-in person sees, read once a request."""
    source = cast("Source | None", current_app.extensions.get(KEY))
    if source is None:
        return ()
    known: dict[str, Sequence[SavedView]] = g.setdefault("saved_views", {})
    if name not in known:
        known[name] = source(actor(), name)
    return known[name]


def default_of(name: str) -> SavedView | None:
    """Return the view that a list opens with, the person's own before a shared one."""
    found = [view for view in of_list(name) if view.is_default]
    return next((view for view in found if view.is_mine), found[0] if found else None)


def is_partial() -> bool:
    """Tell whether htmx asks for a part of the page only."""
    return portal_request().wants_fragment
