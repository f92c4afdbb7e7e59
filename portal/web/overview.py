"""The first page: what to do first, how much there is, what needs attention.

It asks no feature by name. A feature that has something to say here registers a `Source` with
`tell`, and answers with few, cheap statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Blueprint, Flask, current_app
from werkzeug.wrappers import Response

from portal import web
from portal.database.actor import Actor

bp = Blueprint("overview", __name__)


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the first run; `order` places it: application, key, connector, webhook, test."""

    order: int
    title: str
    text: str
    url: str
    action: str
    done: bool


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and the list that it counts."""

    label: str
    value: int
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Concern:
    """One record that needs a person: the word of its status, its name, and why."""

    status: str
    title: str
    text: str
    url: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What one feature says on the overview."""

    steps: Sequence[Step] = ()
    figures: Sequence[Figure] = ()
    concerns: Sequence[Concern] = ()


Source = Callable[[Actor], Told]


def tell(app: Flask, source: Source) -> None:
    """Let a feature say something on the overview."""
    app.extensions.setdefault("portal.web.overview", []).append(source)


@bp.get("/")
def index() -> Response:
    """Show the overview of the signed-in person's tenant."""
    sources = cast("list[Source]", current_app.extensions.get("portal.web.overview", []))
    told = [source(web.actor()) for source in sources]
    steps = sorted((step for part in told for step in part.steps), key=lambda step: step.order)
    return web.render(
        "overview.html",
        steps=steps,
        done=sum(step.done for step in steps),
        following=next((step for step in steps if not step.done), None),
        figures=[figure for part in told for figure in part.figures],
        concerns=[concern for part in told for concern in part.concerns],
    )
