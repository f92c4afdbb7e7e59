"""Test pages that are printed, shown in forced colours, or offline."""

from playwright.sync_api import Page, expect

from tests.cast import Api
from tests.keys.test_browser import Window, window

__all__ = ["window"]

VISIBLE_TEXTS = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const seen = [];
    while (texts.nextNode()) {
        const holder = texts.currentNode.parentElement;
        if (holder.checkVisibility({ visibilityProperty: true })) seen.push(texts.currentNode.data);
    }
    return seen.join("");
}"""


def printed(page: Page) -> str:
    """Return the text that would be on paper."""
    page.emulate_media(media="print")
    text = str(page.evaluate(VISIBLE_TEXTS))
    page.emulate_media(media="screen")
    return text


def test_a_secret_that_is_shown_once_is_not_printed(window: Window) -> None:
    raw = window.issue("Nightly export")
    paper = printed(window.page)
    assert "Nightly export" in paper
    assert raw not in paper
    assert raw in window.page.evaluate(VISIBLE_TEXTS), "on the screen it is there"
    window.page.get_by_label("I have stored this key").check()


def test_a_page_is_printed_without_what_can_only_be_clicked(window: Window, ada: Api) -> None:
    key = ada.create("api-keys", name="Nightly export")
    page = window.open(f"/keys/{key['id']}")
    page.emulate_media(media="print")
    for gone in (
        page.get_by_role("navigation", name="Main"),
        page.get_by_role("link", name="Edit"),
    ):
        expect(gone.first).to_be_hidden()
    expect(page.get_by_role("heading", name="Nightly export")).to_be_visible()


def test_in_forced_colours_a_focus_is_seen_and_states_have_their_shapes(
    window: Window, ada: Api
) -> None:
    key = ada.create("api-keys", name="Nightly export", blocked=True)
    window.page.emulate_media(forced_colors="active")
    page = window.open(f"/keys/{key['id']}")
    page.keyboard.press("Tab")
    ring = "() => getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(ring) != "none"
    shape = "it => getComputedStyle(it, '::before').backgroundColor"
    paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
    state = page.locator("main .status, main .truth > p").first
    expect(state).to_be_visible()
    assert state.evaluate(shape) != paper
