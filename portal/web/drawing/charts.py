"""Draw charts as inline SVG, coloured by CSS classes, without scripts, each with a table.

A chart has its name in `<title>` and its content in `<desc>`. Each bar has its values as its name:
charts.js reads out the one under the pointer, and lets the arrow keys go from bar to bar; only one
of them is a stop of the Tab key. A bar is a link if there is a list of what it counts. A person who
cannot or does not want to look at it can open its table, which has the same numbers and links.
Templates call these functions as `charts.bars(…)`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import count
from typing import Any

from flask import g
from markupsafe import Markup, escape

HEIGHT = 120  # of the bars, in pixels, as in charts.css
QUIET = 24  # the same if there is nothing to draw
GAP = 0.1  # between two bars, of the width of one
WIDTH = 720  # of a meter, in its own units; the page scales it
NAMED = 8  # bars in which something is bad
Number = int | float | Decimal


@dataclass(frozen=True, slots=True)
class Series:
    """One layer of the bars: its name in the legend, and its tone (ok, warn, bad).

    Bars of the tone bad are hatched, so that they are told apart without colours. Values that do
    not add up, such as a latency, have a peak and no total.
    """

    name: str
    tone: str
    adds: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    """One bar: its label, a value for each series from the bottom up, and where it leads."""

    label: str
    values: tuple[Number, ...]
    url: str | None = None


def bars(
    title: str, columns: Sequence[Column], series: Sequence[Series], unit: str = "Time"
) -> Markup:
    """Return stacked bars over time, with a legend and a table. The last column ends now.

    Without any value, only the ruler is drawn.
    """
    top = max((sum(column.values) for column in columns), default=0)
    named = [(one, _total(columns, place, one)) for place, one in enumerate(series)]
    said = ", ".join(f"{total} {one.name}" for one, total in named)
    peak = max(columns, key=lambda column: sum(column.values), default=None)
    if peak is not None and top:
        said += f"; most in {peak.label}: {_number_text(sum(peak.values))}"
    said += _bad_ones(columns, series)
    if not top:
        drawing = _svg("bars quiet", title, said, _ruler(len(columns), QUIET))
    else:
        drawing = _svg("bars", title, said, _bars(columns, series, top), role="group")
    ends = _ends(columns, top)
    if top:
        ends += f'<p class="readout" data-readout>{escape(_words(columns[-1], series))}</p>'
    legend = "".join(
        f'<li data-tone="{escape(one.tone)}">{escape(one.name)} <strong>{total}</strong></li>'
        for one, total in named
    )
    return _markup(
        f'<figure class="chart" data-chart>{drawing}{ends}<figcaption><ul class="legend">{legend}'
        f"</ul></figcaption>{_table(title, columns, series, unit)}</figure>"
    )


def _total(columns: Sequence[Column], place: int, one: Series) -> str:
    values = [column.values[place] for column in columns]
    return _number_text(sum(values)) if one.adds else f"peak {_number_text(max(values, default=0))}"


def _words(column: Column, series: Sequence[Series]) -> str:
    """Return the values of one bar, as “13:00: 12 delivered, 3 failed”."""
    return f"{column.label}: " + ", ".join(
        f"{_number_text(value)} {one.name}"
        for one, value in zip(series, column.values, strict=True)
    )


def _bad_ones(columns: Sequence[Column], series: Sequence[Series]) -> str:
    """Return the columns in which something is bad, as “; failed in 2 Nov, 13 Nov”."""
    said = ""
    for place, one in enumerate(series):
        found = [column.label for column in columns if one.tone == "bad" and column.values[place]]
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        said += f"; {one.name} in {', '.join(found[:NAMED])}{more}" if found else ""
    return said


def _bars(columns: Sequence[Column], series: Sequence[Series], top: Number) -> str:
    # Across in per cent and down in pixels: a drawing that is stretched would distort the hatching.
    step = 100 / len(columns)
    parts = ['<line class="grid" x1="0" x2="100%" y1="4" y2="4"/>']
    for place, column in enumerate(columns):
        foot, boxes = float(HEIGHT), ""
        for one, value in zip(series, column.values, strict=True):
            if not value:
                continue
            tall = max(float(value) / float(top) * (HEIGHT - 4), 1.5)
            foot -= tall
            boxes += (
                f'<rect data-tone="{escape(one.tone)}" x="{place * step:.3f}%" y="{foot:.2f}"'
                f' width="{step * (1 - GAP):.3f}%" height="{tall:.2f}"/>'
            )
        spot = f'<rect class="spot" x="{place * step:.3f}%" y="0" width="{step:.3f}%"'
        boxes = f'{spot} height="{HEIGHT}"/>{boxes}'
        parts.append(_point(column, _words(column, series), boxes, is_stop=column is columns[-1]))
    return "".join(parts) + _ruler(len(columns), HEIGHT)


def _point(column: Column, words: str, boxes: str, *, is_stop: bool) -> str:
    """Return one bar that can have the focus, a link if it leads somewhere."""
    stop = 0 if is_stop else -1
    said = f'data-point tabindex="{stop}" aria-label="{escape(words)}"'
    if column.url is None:
        return f'<g {said} role="img">{boxes}</g>'
    return f'<a href="{escape(column.url)}" {said}>{boxes}</a>'


def _ruler(columns: int, foot: int) -> str:
    """Return the line that the bars stand on, with ticks, and a needle at its end: now."""
    ticks = "".join(
        f'<line class="mark" x1="{place * 100 / columns:.3f}%" x2="{place * 100 / columns:.3f}%"'
        f' y1="{foot}" y2="{foot + 4}"/>'
        for place in range(0, columns, max(1, columns // 24))
    )
    return (
        f'{ticks}<line class="base" x1="0" x2="100%" y1="{foot}" y2="{foot}"/>'
        f'<line class="now" x1="100%" x2="100%" y1="0" y2="{foot + 4}"/>'
    )


def _ends(columns: Sequence[Column], top: Number) -> str:
    if not columns:
        return ""
    return (
        f'<p class="ends" aria-hidden="true"><span>{escape(columns[0].label)}</span>'
        f"<span>peak {_number_text(top)}</span><span>{escape(columns[-1].label)}</span></p>"
    )


def _table(title: str, columns: Sequence[Column], series: Sequence[Series], unit: str) -> str:
    heads = "".join(f'<th scope="col" class="num">{escape(one.name)}</th>' for one in series)
    rows = "".join(
        f'<tr><th scope="row">{_linked(column)}</th>'
        + "".join(f'<td class="num">{_number_text(value)}</td>' for value in column.values)
        + "</tr>"
        for column in columns
        if any(column.values)
    )
    if not rows:
        return ""
    return (
        '<details class="numbers"><summary>Numbers as a table</summary>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}, as a table">'
        f'<table class="data"><caption class="visually-hidden">{escape(title)}</caption>'
        f'<thead><tr><th scope="col">{escape(unit)}</th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div></details>"
    )


def _linked(column: Column) -> str:
    label = escape(column.label)
    return f'<a href="{escape(column.url)}">{label}</a>' if column.url else label


def meter(label: str, value: Number, limit: Number, text: str, held: Number = 0) -> Markup:
    """Return a meter for `value` of `limit`, and beside it what is only `held`.

    The tone is warn from 80 % and bad when it is full. The text has the same information.
    """
    full = float(limit) or 1.0
    share = min(float(value) / full, 1.0)
    both = min((float(value) + float(held)) / full, 1.0)
    tone = "bad" if both >= 1 else "warn" if both >= 0.8 else "ok"
    inside = f'<rect class="track" x="0" y="0" width="{WIDTH}" height="8"/>'
    if held:
        inside += f'<rect class="held" x="0" y="0" width="{both * WIDTH:.1f}" height="8"/>'
    if share:
        inside += (
            f'<rect data-tone="{tone}" x="0" y="0" width="{max(share * WIDTH, 2):.1f}" height="8"/>'
        )
    drawing = _svg("meter", label, text, inside, f"0 0 {WIDTH} 8")
    return _markup(
        f'<div class="metered"><p><span>{escape(label)}</span><strong>{escape(text)}</strong></p>'
        f"{drawing}</div>"
    )


def _svg(
    kind: str, title: str, desc: str, inside: str, view: str | None = None, role: str = "img"
) -> str:
    """Return a drawing that is stretched to its place, if it has a `view` of its own units.

    A drawing with parts that can have the focus has the role of a group.
    """
    name = f"chart-{next(_numbers())}"
    stretched = f' viewBox="{view}" preserveAspectRatio="none"' if view else ""
    return (
        f'<svg class="{kind}" role="{role}" aria-labelledby="{name}-t {name}-d"{stretched}>'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(desc)}</desc>'
        f"{inside}</svg>"
    )


def _numbers() -> Any:
    """Return the counter for ids that are unique on one page."""
    if "chart_numbers" not in g:
        g.chart_numbers = count(1)
    return g.chart_numbers


def _number_text(value: Number) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def _markup(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - each caller escapes what it was given
