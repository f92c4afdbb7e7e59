"""The page of the overview: /."""

from flask import Blueprint
from werkzeug.wrappers import Response

from portal import web
from portal.overview import service, sparklines
from portal.overview.parts import Figure, sources
from portal.overview.sentence import counted
from portal.records.health import Word

bp = Blueprint("overview", __name__)
MILLION = 1_000_000
LONG = 10_000  # milliseconds that are said as seconds
NOT_KNOWN = "not known"
MARKED: tuple[Word, ...] = ("failing", "attention")


@bp.get("/")
def index() -> Response:
    """Show the overview of the signed-in person's tenant; for htmx, only what changes."""
    return web.render(
        "overview/index.html",
        "overview/_cockpit.html",
        overview=service.look(web.actor(), sources()),
        shown=shown,
        sparkline=sparklines.drawing,
        counted=counted,
        marked=MARKED,
    )


def shown(figure: Figure) -> tuple[str, str]:
    """Return the number of a figure as people read it, and its unit."""
    value = figure.value
    if value is None:
        return NOT_KNOWN, ""
    if figure.unit == "ms":
        return (f"{value / 1000:,.1f}", "s") if value >= LONG else (f"{value:,.0f}", "ms")
    if value >= MILLION:
        return f"{value / MILLION:,.2f}", "million"
    return f"{value:,.0f}{'+' if figure.is_more else ''}", ""
