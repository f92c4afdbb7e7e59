"""Show the first page: the next steps, key figures, and what needs attention.

It queries no feature by name. A feature registers a `Source` with `tell`, and the source uses few,
cheap statements.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from flask import Blueprint, Flask, current_app
from werkzeug.wrappers import Response

from portal import web
from portal.database.actor import Actor
from portal.records.health import Health, Word
from portal.web.drawing.template_functions import tone

bp = Blueprint("overview", __name__)
HARM = ("bad", "warn")  # the worst first
ALL_CLEAR = (
    "No webhook fails or is paused, no connector needs a person, and no key was found in public or"
    " ends within 14 days without a successor."
)


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
    """One record that needs a person's attention: its status, its name, and the reason."""

    status: str
    title: str
    text: str
    url: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The content of the overview that one feature provides."""

    steps: Sequence[Step] = ()
    figures: Sequence[Figure] = ()
    concerns: Sequence[Concern] = ()


Source = Callable[[Actor], Told]


def tell(app: Flask, source: Source) -> None:
    """Register a feature's source for the overview."""
    app.extensions.setdefault("portal.web.overview", []).append(source)


@bp.get("/")
def index() -> Response:
    """Show the overview of the signed-in person's tenant."""
    sources = cast("list[Source]", current_app.extensions.get("portal.web.overview", []))
    told = [source(web.actor()) for source in sources]
    concerns = sorted(
        (concern for part in told for concern in part.concerns),
        key=lambda one: HARM.index(tone(one.status)) if tone(one.status) in HARM else len(HARM),
    )
    steps = sorted((step for part in told for step in part.steps), key=lambda step: step.order)
    return web.render(
        "overview.html",
        steps=steps,
        done=sum(step.done for step in steps),
        following=next((step for step in steps if not step.done), None),
        figures=[figure for part in told for figure in part.figures],
        concerns=concerns,
        said=summed_up(concerns),
        all_clear=ALL_CLEAR,
    )


def summed_up(concerns: Sequence[Concern]) -> Health:
    """Return the sentence that begins the overview: how many of its concerns need attention."""
    needing = [one for one in concerns if tone(one.status) != "ok"]
    if not needing:
        return Health("works", f"All clear. {ALL_CLEAR}")
    word: Word = "failing" if tone(needing[0].status) == "bad" else "attention"
    first = f"{needing[0].title} is {needing[0].status.replace('_', ' ')}"
    if needing[0].status == "action_required":
        first = f"{needing[0].title} needs a person"
    if len(needing) == 1:
        return Health(word, f"{first}.")
    others = "one more needs" if len(needing) == 2 else f"{len(needing) - 1} more need"
    return Health(word, f"{first}, and {others} attention.")
