"""Test the faces of objects: logos, letters and initials, which no text repeats."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.providers import PROVIDERS
from portal.web.drawing.faces import LOGOS
from tests import ROOT
from tests.cast import ADA, Api, Pages
from tests.web.conftest import Opens

Browse = Callable[..., Pages]


def test_each_logo_is_of_a_provider_and_in_the_list_of_vendored_files() -> None:
    listed = json.loads((ROOT / "portal/web/static/vendor/VERSIONS.json").read_text())["files"]
    entry = next(one for one in listed if one["file"].endswith("logos.svg"))
    assert entry["licence"] == "CC0-1.0"
    assert set(entry["icons"]) == LOGOS
    assert set(PROVIDERS) >= LOGOS
    sprite = (ROOT / entry["file"]).read_text()
    assert f"simple-icons {entry['version']}" in sprite
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", sprite)


@pytest.mark.parametrize(
    ("provider", "face"), [("github", r"logos\.svg\?v=\w+#github"), ("slack", 'data-letters="Sl"')]
)
def test_a_connector_has_the_logo_of_its_provider_or_letters(
    ada: Api, browse: Browse, provider: str, face: str
) -> None:
    ada.create("connectors", name="Orders", provider=provider)
    assert re.search(face, browse(ADA).get("/connectors").text)


def test_an_application_keeps_its_hue_under_another_name(ada: Api, browse: Browse) -> None:
    record = ada.create("applications", display_name="Order desk")
    hues = []
    for name in ("Order desk", "<b>Élan</b>"):
        ada.patch(f"applications/{record['id']}", {"display_name": name})
        shown = browse(ADA).get(f"/applications/{record['id']}").text
        found = re.search(r'class="face" data-hue="(\d+)" data-letters="(\w)"', shown)
        assert found
        hues.append(found[1])
    assert hues[0] == hues[1]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_letters_are_legible_on_every_hue_and_not_part_of_the_text(
    opens: Opens, ada: Api, theme: str
) -> None:
    ada.create("applications", display_name="Quick orders")
    page = opens(ADA, color_scheme=theme).open("/applications")
    row = page.get_by_role("row", name="Quick orders")
    expect(row.locator(".face")).to_have_attribute("data-letters", "Q")
    assert row.locator("th").inner_text().lstrip().startswith("Quick orders")
    ratios = page.evaluate(CONTRASTS)
    assert len(ratios) == 12
    assert min(ratios) >= 4.5


CONTRASTS = """() => {
  const face = document.querySelector('.face');
  const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const light = (colour) => {
    paint.fillStyle = colour; paint.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...paint.getImageData(0, 0, 1, 1).data].map((n) => n / 255)
      .map((n) => n <= .04045 ? n / 12.92 : ((n + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  return [...Array(12).keys()].map((hue) => {
    face.dataset.hue = hue;
    const { color, backgroundColor } = getComputedStyle(face);
    const [a, b] = [light(color), light(backgroundColor)].sort((x, y) => y - x);
    return (a + .05) / (b + .05);
  });
}"""
