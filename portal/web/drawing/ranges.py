"""The ranges of a dated chart, in the address as ?range=7d, and the spans of time that it draws."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from flask import request
from markupsafe import Markup, escape

from portal.web.drawing.charts import Column, Number
from portal.web.drawing.template_functions import with_args

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MIDNIGHT = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Span:
    """One bar: the time from `begins` on, up to `ends`, in UTC."""

    begins: datetime
    ends: datetime

    @property
    def label(self) -> str:
        """Return the span in words: `13:00`, `Sat 21 Nov, 06:00` or `21 Nov`."""
        size = self.ends - self.begins
        form = "%-d %b" if size >= DAY else "%H:%M" if size == HOUR else "%a %-d %b, %H:%M"
        return self.begins.strftime(form)


@dataclass(frozen=True, slots=True)
class Range:
    """A range that people choose: its name in the address, its words, and the size of a bar."""

    name: str
    words: str
    bars: int
    step: timedelta

    @property
    def unit(self) -> str:
        """Return the head of the column of times in a table."""
        return {HOUR: "Hour (UTC)", DAY: "Day (UTC)"}.get(self.step, "From (UTC)")

    @property
    def in_days(self) -> "Range":
        """Return the same range in bars of a day, if it is longer than one."""
        whole = self.step * self.bars
        return self if whole == DAY else replace(self, bars=whole // DAY, step=DAY)

    def spans(self, now: datetime) -> list[Span]:
        """Return the spans of the range from the oldest; the last one has not ended."""
        now = now.astimezone(UTC)
        last = now - (now - MIDNIGHT) % self.step
        begins = (last - self.step * back for back in reversed(range(self.bars)))
        return [Span(begin, begin + self.step) for begin in begins]


RANGES = (
    Range("24h", "24 hours", 24, HOUR),
    Range("7d", "7 days", 28, timedelta(hours=6)),
    Range("30d", "30 days", 30, DAY),
)


def range_in_address(usual: str = "24h") -> Range:
    """Return the range in the address, or the usual one."""
    named = {one.name: one for one in RANGES}
    return named.get(request.args.get("range", ""), named[usual])


def choice(chosen: Range) -> Markup:
    """Return the links to each range of this page."""
    links = "".join(_link(one, is_here=one == chosen) for one in RANGES)
    return Markup(f'<nav class="ranges" aria-label="Range">{links}</nav>')  # noqa: S704 - escaped


def _link(one: Range, *, is_here: bool) -> str:
    here = ' aria-current="true"' if is_here else ""
    return f'<a href="{escape(with_args(range=one.name))}"{here}>{one.words}</a>'


def columns(
    spans: Sequence[Span],
    values: Callable[[Span], tuple[Number, ...]],
    url: Callable[[Span], str | None],
) -> list[Column]:
    """Return one column for each span, with a link to what is in it, if anything is."""
    drawn = ((span, values(span)) for span in spans)
    return [Column(span.label, found, url(span) if any(found) else None) for span, found in drawn]
