"""Draw the smallest parts of a list in Python: a macro would cost ten times as much per row.

portal/web/templates/macros/value.html exports them beside its macros, under the same names. What
depends on the arguments alone is cached, since the rows of a list repeat the same few values.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup, escape

from portal.web.drawing.assets import asset
from portal.web.drawing.template_functions import absolute, ago, iso, tone


@lru_cache(maxsize=256)
def status(word: object, text: str | None = None) -> Markup:
    """Return a dot and a word in the tone of a status."""
    said = escape(text or str(word).replace("_", " "))
    return _markup(f'<span class="status" data-tone="{tone(word)}">{said}</span>')


def icon(name: str, label: str | None = None, extra: str = "") -> Markup:
    """Return a symbol of portal/web/static/icons.svg. Screen readers read it if it has a label."""
    return _icon(asset("icons.svg"), name, label, extra)


@lru_cache(maxsize=256)
def _icon(sheet: str, name: str, label: str | None, extra: str) -> Markup:
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    classes = f"icon {extra}" if extra else "icon"
    return _markup(f'<svg class="{classes}" {role}><use href="{sheet}#{name}"></use></svg>')


def badge(text: object, tone: str | None = None) -> Markup:
    """Return an inconspicuous label."""
    toned = f' data-tone="{escape(tone)}"' if tone else ""
    return _markup(f'<span class="badge"{toned}>{escape(text)}</span>')


def tags(items: Sequence[str], limit: int | None = None) -> Markup:
    """Return labels in a row. Those beyond the limit are counted, and named in the title."""
    return _tags(tuple(items), limit) if items else number(None)


@lru_cache(maxsize=1024)
def _tags(items: tuple[str, ...], limit: int | None) -> Markup:
    drawn = "".join(f'<span class="tag">{escape(item)}</span>' for item in items[:limit])
    if limit and len(items) > limit:
        rest = escape(", ".join(items[limit:]))
        drawn += f'<span class="tag" title="{rest}">+{len(items) - limit}</span>'
    return _markup(f'<span class="tags">{drawn}</span>')


def options(choices: Iterable[tuple[str, str]], chosen: str = "") -> Markup:
    """Return the options of a `<select>` from (value, text), with one of them selected."""
    offered = tuple(map(tuple, choices))
    # Its place and not its text: a request may choose a text of any length.
    return _options(offered, next((n for n, one in enumerate(offered) if one[0] == chosen), None))


@lru_cache(maxsize=64)
def _options(choices: tuple[tuple[str, ...], ...], chosen: int | None) -> Markup:
    return _markup(
        "".join(
            f'<option value="{escape(value)}"{" selected" if number == chosen else ""}>'
            f"{escape(text)}</option>"
            for number, (value, text) in enumerate(choices)
        )
    )


def chip(label: str, url: str, pressed: bool = False) -> Markup:
    """Return a link to one of several filters, marked if it is the current one."""
    here = ' aria-current="true"' if pressed else ""
    return _markup(f'<a class="chip" href="{escape(url)}"{here}>{escape(label)}</a>')


def short_id(id: str) -> Markup:
    """Return an id as `cnn_01K1…3B0F`, with the whole one in the title."""
    return _markup(f'<span title="{escape(id)}">{escape(id[:8])}…{escape(id[-4:])}</span>')


def time(value: datetime | None, style: str = "relative", missing: str = "never") -> Markup:
    """Return a time: relative with the absolute one in the title, or the other way round."""
    return _nothing(missing) if value is None else _time(value, ago(value), style)


@lru_cache(maxsize=64)
def _nothing(missing: str) -> Markup:
    return _markup(f'<span class="mute">{escape(missing)}</span>')


@lru_cache(maxsize=2048)
def _time(value: datetime, near: str, style: str) -> Markup:
    far, kind = absolute(value), "relative"
    if style == "full":
        near, far, kind = far, near, "full"
    return _markup(f'<time datetime="{iso(value)}" title="{far}" data-{kind}>{near}</time>')


def number(value: float | None) -> Markup:
    """Return a number as `12,904`. None is a dash, not a zero."""
    return _markup('<span class="mute">–</span>' if value is None else f"{value:,}")  # noqa: RUF001


def _markup(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - each caller escapes what it was given
