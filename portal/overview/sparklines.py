"""Draw the values of a figure over time as a line on a ruler, and say them in words."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from markupsafe import Markup, escape

from portal.overview.parts import Figure, Graph
from portal.web.drawing.template_functions import tone

WIDE, TALL, FOOT, TOP = 146.0, 38, 33.0, 4.0  # in the units of the drawing, which keeps its shape
TICKS = 6
Point = tuple[float, float]


def drawing(figure: Figure) -> Markup:
    """Return the drawing of a figure; without a value, only the ruler."""
    graph = figure.graph if figure.graph and any(figure.graph.values) else None
    inside = _ruler() if graph is None else f"{_lines(graph)}{_ruler()}{_last(graph)}"
    return Markup(  # noqa: S704  numbers and the tones of the portal's own words
        f'<svg class="spark" viewBox="0 0 150 {TALL}" preserveAspectRatio="xMinYMid meet"'
        f' role="img" aria-label="{escape(description(figure))}" data-tone="{tone(figure.status)}">'
        f"{inside}</svg>"
    )


def description(figure: Figure) -> str:
    """Return the finding of a drawing in words: the most, when it was, and the last value."""
    graph = figure.graph
    known = [] if graph is None else [one for one in graph.values if one is not None]
    if graph is None or not any(known):
        return "No values to draw."
    peak = max(known)
    at = graph.begin + graph.step * graph.values.index(peak)
    last = graph.values[-1]
    unit = f" {figure.unit}" if figure.unit else ""
    by = "day" if graph.step >= timedelta(days=1) else "hour"
    ending = f", {last:,.0f}{unit} in this hour" if by == "hour" and last is not None else ""
    return f"By {by}: most {peak:,.0f}{unit} at {_at(at, by)}{ending}."


def _at(moment: datetime, by: str) -> str:
    return f"{moment:%-d %B}" if by == "day" else f"{moment:%H:%M} UTC"


def _points(graph: Graph) -> list[list[Point]]:
    """Return the runs of known values as points."""
    top = max((one for one in graph.values if one is not None), default=0) or 1
    step = WIDE / max(len(graph.values) - 1, 1)
    runs: list[list[Point]] = [[]]
    for place, value in enumerate(graph.values):
        if value is None:
            runs.append([])
            continue
        runs[-1].append((place * step, FOOT - 2 - value / top * (FOOT - 2 - TOP)))
    return [run for run in runs if run]


def _lines(graph: Graph) -> str:
    parts = []
    for run in _points(graph):
        line = _written(run)
        if len(run) == 1:
            parts.append(
                f'<circle class="only" cx="{run[0][0]:.1f}" cy="{run[0][1]:.1f}" r="1.2"/>'
            )
            continue
        parts.append(
            f'<polygon class="area" points="{run[0][0]:.1f},{FOOT:.0f} {line}'
            f' {run[-1][0]:.1f},{FOOT:.0f}"/><polyline class="line" points="{line}"/>'
        )
    return "".join(parts)


def _written(run: Sequence[Point]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in run)


def _ruler() -> str:
    ticks = "".join(
        f'<line class="mark" x1="{x:.1f}" x2="{x:.1f}" y1="{FOOT:.0f}" y2="{FOOT + 3:.0f}"/>'
        for x in (place * WIDE / TICKS for place in range(TICKS + 1))
    )
    return f'<line class="mark" x1="0" x2="{WIDE:.0f}" y1="{FOOT:.0f}" y2="{FOOT:.0f}"/>{ticks}'


def _last(graph: Graph) -> str:
    """Return the dot that is now: at the end of hours, at the beginning of days to come."""
    place = 0 if graph.step >= timedelta(days=1) else len(graph.values) - 1
    for x, y in (point for run in _points(graph) for point in run):
        if round(x / (WIDE / max(len(graph.values) - 1, 1))) == place:
            return f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2.4"/>'
    return ""
