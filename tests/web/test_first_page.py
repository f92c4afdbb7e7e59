"""Test what the first page costs: bytes over the wire, fonts, and whom the browser asks."""

import re
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.keys.test_browser import Window, window
from tests.web.test_assets import FOLDER

if TYPE_CHECKING:
    from playwright.sync_api import Request

__all__ = ["window"]

MOST = 60 * 1024
MOST_OF_FONTS = 60 * 1024


def test_the_first_page_and_its_fonts_are_small_and_come_from_us(window: Window) -> None:
    asked: list[Request] = []
    window.page.on("requestfinished", lambda request: asked.append(request))
    window.open("/")
    window.page.wait_for_load_state("networkidle")
    bytes_of = {urlsplit(one.url).path: one.sizes()["responseBodySize"] for one in asked}
    fonts = {path: many for path, many in bytes_of.items() if path.endswith(".woff2")}
    others = {path: many for path, many in bytes_of.items() if path not in fonts}
    assert "/" in others
    assert fonts
    assert sum(others.values()) <= MOST, others
    assert sum(fonts.values()) <= MOST_OF_FONTS, fonts
    assert {urlsplit(one.url).netloc for one in asked} == {urlsplit(window.address).netloc}


def test_all_fonts_together_are_small_and_no_text_waits_for_one() -> None:
    files = [path.stat().st_size for path in FOLDER.rglob("*.woff2")]
    assert sum(files) <= MOST_OF_FONTS
    sheets = "".join(path.read_text() for path in FOLDER.rglob("*.css"))
    faces = re.findall(r"@font-face\s*\{[^}]*\}", sheets)
    assert len(faces) >= len(files)
    assert all(re.search(r"font-display:\s*swap", face) for face in faces)
