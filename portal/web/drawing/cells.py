"""The smallest pieces of a list, drawn in Python: a macro costs ten times as much, for every row.

portal/web/templates/macros/value.html hands them out beside its macros, under the same names. What
follows from its arguments alone is kept, since the lines of a list say the same few things.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from markupsafe import Markup, escape

from portal.web.drawing.assets import asset
from portal.web.drawing.template_functions import absolute, ago, iso, tone


@lru_cache(maxsize=256)
def status(word: object, text: str | None = None) -> Markup:
    """Return a dot and a word."""
    said = escape(text or str(word).replace("_", " "))
    return _markup(f'<span class="status" data-tone="{tone(word)}">{said}</span>')


def icon(name: str, label: str | None = None, extra: str = "") -> Markup:
    """Return a symbol of portal/web/static/icons.svg; with a label it speaks, without it is
    decoration."""
    return _icon(asset("icons.svg"), name, label, extra)


@lru_cache(maxsize=256)
def _icon(sheet: str, name: str, label: str | None, extra: str) -> Markup:
    role = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    classes = f"icon {extra}" if extra else "icon"
    return _markup(f'<svg class="{classes}" {role}><use href="{sheet}#{name}"></use></svg>')


def badge(text: object, tone: str | None = None) -> Markup:
    """Return a quiet label."""
    toned = f' data-tone="{escape(tone)}"' if tone else ""
    return _markup(f'<span class="badge"{toned}>{escape(text)}</span>')


def tags(items: Sequence[str], limit: int | None = None) -> Markup:
    """Labels in a row; those beyond the limit are counted, and named in the title."""
    return _tags(tuple(items), limit) if items else number(None)


@lru_cache(maxsize=1024)
def _tags(items: tuple[str, ...], limit: int | None) -> Markup:
    drawn = "".join(f'<span class="tag">{escape(item)}</span>' for item in items[:limit])
    if limit and len(items) > limit:
        rest = escape(", ".join(items[limit:]))
        drawn += f'<span class="tag" title="{rest}">+{len(items) - limit}</span>'
    return _markup(f'<span class="tags">{drawn}</span>')


def options(choices: Iterable[tuple[str, str]], chosen: str = "") -> Markup:
    """Return the lines of a `<select>`: (value, text), one of them chosen."""
    return _options(tuple(map(tuple, choices)), chosen)


@lru_cache(maxsize=64)
def _options(choices: tuple[tuple[str, ...], ...], chosen: str) -> Markup:
    return _markup(
        "".join(
            f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
            f"{escape(text)}</option>"
            for value, text in choices
        )
    )


def chip(label: str, url: str, pressed: bool = False) -> Markup:
    """Return a link to one question of several, marked where it is the one that is answered."""
    here = ' aria-current="true"' if pressed else ""
    return _markup(f'<a class="chip" href="{escape(url)}"{here}>{escape(label)}</a>')


def short_id(id: str) -> Markup:
    """`cnn_01K1…3B0F`, the whole one in the title."""
    return _markup(f'<span title="{escape(id)}">{escape(id[:8])}…{escape(id[-4:])}</span>')


def time(value: datetime | None, style: str = "relative", missing: str = "never") -> Markup:
    """Return a moment: relative with the absolute in the title, or the other way round."""
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
    """`12,904`; nothing is a dash, not a zero."""
    return _markup('<span class="mute">–</span>' if value is None else f"{value:,}")  # noqa: RUF001


def _markup(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - each caller escapes what it was given
