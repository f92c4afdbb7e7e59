"""Draw the faces of objects: the logo of a provider, the letter of an application, initials.

A name always stands beside a face, so a face has no text of its own: its letters are generated
content with an empty alternative, which is neither read aloud nor copied.
"""

import re
from functools import lru_cache
from typing import Protocol
from zlib import crc32

from flask import Flask
from markupsafe import Markup, escape

from portal.web.drawing.assets import FOLDER, asset
from portal.web.drawing.template_functions import initials

HUES = 12  # as in faces.css, 30 degrees apart
SPRITE = "logos.svg"
LOGOS = frozenset(re.findall(r'<symbol id="(\w+)"', (FOLDER / SPRITE).read_text()))


class Monogram(Protocol):
    """One or two letters, and a hue of 0 to 359."""

    @property
    def letters(self) -> str: ...
    @property
    def hue(self) -> int: ...


def init_app(app: Flask) -> None:
    """Make the functions available to every template."""
    app.jinja_env.globals.update(application_face=application_face, avatar=avatar)


def application_face(record_id: str, name: str) -> Markup:
    """Return a letter on a tile whose hue follows from the id, so that a new name keeps it."""
    return _tile(initials(name)[:1], crc32(record_id.encode()) % HUES)


def provider_face(key: str, monogram: Monogram) -> Markup:
    """Return a tile with the provider's logo, or with its letters if there is no free drawing."""
    hue = monogram.hue * HUES // 360
    return _logo(asset(SPRITE), key, hue) if key in LOGOS else _tile(monogram.letters, hue)


def avatar(name: str) -> Markup:
    """Return the initials of a person or a program on a round ground."""
    return _avatar(initials(name))


@lru_cache(maxsize=1024)
def _tile(letters: str, hue: int) -> Markup:
    return _markup(
        f'<span class="face" data-hue="{hue}" data-letters="{escape(letters)}" aria-hidden="true">'
        "</span>"
    )


@lru_cache(maxsize=256)
def _logo(sprite: str, key: str, hue: int) -> Markup:
    return _markup(
        f'<span class="face" data-hue="{hue}" aria-hidden="true">'
        f'<svg><use href="{sprite}#{key}"></use></svg></span>'
    )


@lru_cache(maxsize=1024)
def _avatar(letters: str) -> Markup:
    return _markup(
        f'<span class="avatar" data-letters="{escape(letters)}" aria-hidden="true"></span>'
    )


def _markup(text: str) -> Markup:
    return Markup(text)  # noqa: S704 - each caller escapes what it was given
