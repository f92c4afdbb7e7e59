"""Show the saved views of a list as tabs. The feature that keeps them gives their source."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from flask import Flask, current_app

from portal.database.actor import Actor

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
