"""Show the saved views of a list as tabs. The feature that keeps them gives their source."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app, flash, get_flashed_messages

from portal.database.actor import Actor

KEY = "portal.saved_views"
REFUSED = "refused view"  # a category of what waits for the next page
TYPED = ("name", "position", "is_shared", "is_default")
LONGEST = 200  # characters of a typed value that wait in the cookie


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


@dataclass(frozen=True, slots=True)
class Source:
    """The feature that keeps the views.

    `column` returns what reads those of a list as JSON, as a part of any statement, and `read`
    makes tabs of it.
    """

    column: Callable[[Actor, str], Any]
    read: Callable[[Actor, str, Any], Sequence[SavedView]]


def from_source(app: Flask, source: Source) -> None:
    """Let the feature of saved views read those of a list for a person."""
    app.extensions[KEY] = source


def source() -> Source:
    """Return the source of saved views."""
    return cast("Source", current_app.extensions[KEY])


def default_of(saved: Sequence[SavedView]) -> SavedView | None:
    """Return the view that a list opens with, the person's own before a shared one."""
    found = [view for view in saved if view.is_default]
    return next((view for view in found if view.is_mine), found[0] if found else None)


def keep_typed(name: str, view_id: str, form: Mapping[str, str]) -> None:
    """Keep what was typed into the refused form of a view, or of a new one, for the next page."""
    typed = {field: form[field][:LONGEST] for field in TYPED if field in form}
    flash(json.dumps({"list": name, "id": view_id, "typed": typed}), REFUSED)


def typed(name: str, view_id: str) -> Mapping[str, str] | None:
    """Return what was typed into the form of this view, if it has just been refused."""
    for text in cast("list[str]", get_flashed_messages(category_filter=[REFUSED])):
        kept = json.loads(text)
        if (kept["list"], kept["id"]) == (name, view_id):
            return cast("Mapping[str, str]", kept["typed"])
    return None
