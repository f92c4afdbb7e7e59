"""Test the style sheets: nothing dead, nothing undefined, nothing inline, and small fonts."""

import hashlib
import re
from functools import cache
from pathlib import Path

import pytest
from pygments.token import STANDARD_TYPES

from tests import ROOT

WEB = ROOT / "portal/web"
SHEETS = sorted((WEB / "static/css").glob("*.css"))
FONTS = WEB / "static/fonts"
BY_OTHERS = {"htmx-request", *STANDARD_TYPES.values()}
COMMENT = re.compile(r"/\*.*?\*/", re.S)
MOST_OF_FONTS = 60 * 1024


@cache
def rules(sheet: Path) -> str:
    """Return a style sheet without comments and quoted texts."""
    return re.sub(r'"[^"]*"', '""', COMMENT.sub("", sheet.read_text()))


@cache
def sources() -> set[str]:
    """Return all words of the files that draw pages: templates, scripts, Python."""
    drawn = [
        *(WEB / "templates").rglob("*.html"),
        *(WEB / "static/js").glob("*.js"),
        *(ROOT / "portal").rglob("*.py"),
    ]
    return set(re.findall(r"[\w-]+", " ".join(path.read_text() for path in drawn)))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_class_is_drawn_somewhere(sheet: Path) -> None:
    selectors = re.sub(r"\{[^{}]*\}", "{}", rules(sheet))
    named = set(re.findall(r"\.([a-zA-Z][\w-]*)", selectors))
    assert named - sources() - BY_OTHERS == set()


def test_every_token_is_defined_and_used() -> None:
    every = "".join(map(rules, SHEETS))
    defined = set(re.findall(r"(--[\w-]+)\s*:", every))
    used = set(re.findall(r"var\((--[\w-]+)", every))
    assert used - defined == set()
    assert defined - used == set()


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_colours_come_from_tokens(sheet: Path) -> None:
    assert re.findall(r"#[0-9a-f]{3,8}\b|\brgba?\(|\bhsla?\(", rules(sheet)) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_rule_is_in_a_layer(sheet: Path) -> None:
    text = re.sub(r"@(layer [\w, ]+;|font-face\s*\{[^}]*\})", "", rules(sheet))
    depth, outside = 0, ""
    for part in re.split(r"([{}])", text):
        if part == "{":
            depth += 1
        elif part == "}":
            depth -= 1
        elif not depth:
            outside += part
    assert set(re.findall(r"\S.*\S", outside)) <= {
        "@layer reset",
        "@layer tokens",
        "@layer base",
        "@layer layout",
        "@layer components",
        "@layer states",
    }


def test_no_template_has_a_style_of_its_own() -> None:
    for path in (WEB / "templates").rglob("*.html"):
        assert not re.search(r"<[a-z][^>]*\sstyle=|<style", path.read_text()), path.name


def test_fonts_are_small_and_addressed_as_the_preloads_are() -> None:
    tokens = (WEB / "static/css/tokens.css").read_text()
    fonts = sorted(FONTS.glob("*.woff2"))
    assert sum(font.stat().st_size for font in fonts) <= MOST_OF_FONTS
    for font in fonts:
        digest = hashlib.sha256(font.read_bytes()).hexdigest()[:12]
        assert f'url("/static/fonts/{font.name}?v={digest}")' in tokens
    assert tokens.count("font-display: swap") == len(fonts)
