"""Test the palette and the shortcuts in a browser: keys, focus, recents, and whole keys."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.cast import VIC, Api
from tests.looks import faults
from tests.thorough import some
from tests.web.conftest import Opens

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page, Route


@pytest.fixture
def crm(ada: Api) -> str:
    return str(ada.create("applications", display_name="CRM 360", slug="crm-360")["id"])


def box(page: "Page") -> "Locator":
    return page.get_by_role("combobox", name="Search everything")


def option(page: "Page", name: str, **how: bool) -> "Locator":
    return page.locator("#find").get_by_role("option", name=name, **how).first


def active(page: "Page") -> str:
    """Return the name of the option that a screen reader hears as the active one."""
    named = box(page).get_attribute("aria-activedescendant")
    assert named
    line = page.locator(f"#{named}")
    expect(line).to_have_attribute("aria-selected", "true")
    return str(line.locator(".name").inner_text())


def test_the_palette_is_walked_by_keys_and_gives_the_focus_back(opens: Opens, crm: str) -> None:
    window = opens()
    page = window.open("/connectors")
    link = page.locator("main").get_by_role("link", name="Add connector").first
    link.focus()
    page.keyboard.press("Control+k")
    expect(box(page)).to_be_focused()
    page.keyboard.type("crm")
    expect(option(page, "CRM 360")).to_be_visible()
    expect(page.locator("#palette-said")).to_have_text(re.compile(r"^\d+ results$"))
    expect(box(page)).to_have_attribute("aria-expanded", "true")
    assert active(page) == "CRM 360"
    page.keyboard.press("ArrowDown")
    assert active(page) == "Edit CRM 360"
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    last = page.locator("#find").get_by_role("option").last.locator(".name").inner_text()
    assert active(page) == last
    expect(box(page)).to_be_focused()
    page.keyboard.press("Escape")
    expect(box(page)).to_be_hidden()
    expect(link).to_be_focused()
    page.keyboard.press("Control+k")
    page.keyboard.type("crm 360")
    page.keyboard.press("Enter")  # at once: it waits for the answer
    page.wait_for_url(f"**/applications/{crm}")
    assert window.complaints == []


def test_nothing_found_and_no_words_say_so(opens: Opens) -> None:
    page = opens().open("/")
    page.keyboard.press("Control+k")
    expect(option(page, "New webhook", exact=True)).to_be_visible()
    expect(option(page, "Audit log Page")).to_be_visible()
    page.keyboard.type("nothinglikethis")
    expect(page.locator("#palette")).to_contain_text("Nothing found for “nothinglikethis”")
    expect(page.locator("#palette-said")).to_have_text("Nothing found")
    expect(box(page)).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?q=nothinglikethis$"))


def test_a_search_that_fails_says_so_and_goes_on(opens: Opens, crm: str) -> None:
    page = opens().open("/")
    page.route("**/search?q=crm", lambda route: route.fulfill(status=500, body="no"))
    page.keyboard.press("Control+k")
    page.keyboard.type("crm")
    expect(page.locator("#palette")).to_contain_text("The search did not answer.")
    page.keyboard.type(" ")
    page.keyboard.type("3")
    expect(option(page, "CRM 360")).to_be_visible()


def test_offline_it_says_so_and_finds_again_when_online(opens: Opens, crm: str) -> None:
    page = opens().open("/")
    page.keyboard.press("Control+k")
    expect(option(page, "New webhook", exact=True)).to_be_visible()
    page.context.set_offline(True)
    page.keyboard.type("crm")
    expect(page.locator("#palette")).to_contain_text("You are offline.")
    expect(page.locator("#palette-said")).to_contain_text("You are offline.")
    page.context.set_offline(False)
    expect(option(page, "CRM 360")).to_be_visible()


def test_records_that_were_opened_are_offered_first_to_the_same_person(
    opens: Opens, crm: str, ada: Api
) -> None:
    hook = ada.create("webhooks", name="<b>Deals</b>", url="https://a.example")["id"]
    window = opens()
    window.open(f"/applications/{crm}")
    window.open(f"/webhooks/{hook}")
    page = window.open("/")
    page.keyboard.press("Control+k")
    recent = page.get_by_role("group", name="Recent")
    expect(recent.get_by_role("option")).to_have_text(["<b>Deals</b>", "CRM 360"])
    expect(option(page, "New webhook", exact=True)).to_be_visible()
    assert active(page) == "<b>Deals</b>"
    kept = page.evaluate("localStorage.getItem('recents')")
    page.evaluate("kept => localStorage.setItem('recents', kept)", kept.replace("per_", "per_x"))
    page = window.open("/")
    page.keyboard.press("Control+k")
    expect(option(page, "New webhook", exact=True)).to_be_visible()
    expect(page.get_by_role("group", name="Recent")).to_have_count(0)


def test_signing_out_forgets_them(opens: Opens, crm: str) -> None:
    page = opens().open(f"/applications/{crm}")
    assert page.evaluate("localStorage.getItem('recents')")
    page.locator("summary", has_text="account menu").click()
    with page.expect_event("requestfailed"):  # the provider is not there
        page.get_by_role("button", name="Sign out").click()
    assert "recents" not in str(page.context.storage_state()["origins"])


def test_a_whole_key_leads_to_its_place_and_never_leaves_the_browser(
    opens: Opens, ada: Api
) -> None:
    key = ada.create("api-keys", name="Nightly export")
    window = opens()
    page = window.open("/")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(f"{one.url} {one.post_data} {one.headers}"))
    page.keyboard.press("Control+k")
    box(page).fill(f"Authorization: Bearer {key['key']}")
    expect(page.get_by_role("group", name="Go to").get_by_role("option")).to_contain_text(
        "Nightly export"
    )
    expect(box(page)).to_have_value(key["key_fingerprint"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/keys/{key['id']}")
    secret = key["key"][12:]
    assert any(key["key_fingerprint"] in one for one in sent)
    assert not [one for one in sent if secret in one or secret[:12] in one]
    assert secret not in page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}])")
    assert secret not in page.content()
    assert window.complaints == []


def test_a_part_of_a_key_is_not_sent_even_while_it_is_typed(opens: Opens, ada: Api) -> None:
    raw = ada.create("api-keys", name="Nightly export")["key"]
    page = opens().open("/")
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url))
    page.keyboard.press("Control+k")
    box(page).press_sequentially(raw[:30])
    expect(page.locator("#palette")).to_contain_text("part of an API key")
    page.keyboard.press("Enter")
    expect(page.locator("#palette")).to_contain_text("part of an API key")
    box(page).press_sequentially(raw[30:])
    expect(option(page, "Nightly export")).to_be_visible()
    assert not [url for url in sent if raw[:13] in url]


def test_a_late_answer_does_not_replace_what_is_said_of_a_part_of_a_key(
    opens: Opens, ada: Api
) -> None:
    raw = ada.create("api-keys", name="Nightly export")["key"]
    page = opens().open("/")
    held: list[Route] = []
    page.route("**/search?q=", lambda route: held.append(route))
    with page.expect_request("**/search?q="):
        page.keyboard.press("Control+k")
    with page.expect_event("requestfailed"):
        box(page).fill(raw[:30])
    held[0].continue_()
    said = page.locator("#palette")
    expect(said).to_contain_text("part of an API key")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/$"))


def test_every_shortcut_of_the_list_works(opens: Opens, crm: str) -> None:
    window = opens()
    page = window.open("/webhooks")
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shown).to_be_visible()
    keys = shown.locator("dd").all_inner_texts()
    letters = [text.removeprefix("g then ") for text in keys if text.startswith("g then ")]
    others = [text for text in keys if not text.startswith("g then ")]
    assert others == ["Ctrl K or ⌘ K", "/", "c", "?", "Esc"]
    page.keyboard.press("Escape")
    expect(shown).to_be_hidden()
    page.keyboard.press("/")
    expect(page.locator("main [data-search]")).to_be_focused()
    page.keyboard.type("?cg/")
    expect(page.locator("main [data-search]")).to_have_value("?cg/")
    expect(shown).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(box(page)).to_be_focused()
    page.keyboard.press("Escape")
    page = window.open("/webhooks")
    page.keyboard.press("c")
    page.wait_for_url("**/webhooks/new")
    for letter in letters:
        link = page.locator(f'.shell > .rail [data-key="{letter}"]')
        where = link.get_attribute("href")
        page.locator("h1").click()
        page.keyboard.press("g")
        page.keyboard.press(letter)
        page.wait_for_url(f"**{where}")
    page.keyboard.press("/")  # this page has no list to search
    expect(box(page)).to_be_focused()
    assert window.complaints == []


def test_a_viewer_creates_nothing_by_a_key(opens: Opens) -> None:
    page = opens(VIC).open("/webhooks")
    page.keyboard.press("c")
    page.keyboard.press("?")
    shown = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(shown).to_be_visible()
    expect(shown.get_by_text("webhook", exact=True)).to_have_count(0)
    assert page.url.endswith("/webhooks")


def test_single_keys_that_are_off_do_nothing(opens: Opens) -> None:
    page = opens().open("/webhooks")
    page.locator("summary", has_text="account menu").click()
    page.get_by_role("group", name="Single-key shortcuts").get_by_text("Off").click()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.keyboard.press("/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    page.keyboard.press("Control+k")
    expect(box(page)).to_be_focused()


def test_without_a_script_the_link_leads_to_a_form_that_finds(opens: Opens, crm: str) -> None:
    page = opens(java_script_enabled=False).open("/connectors")
    page.get_by_role("link", name="Find or do").click()
    page.locator("main").get_by_label("Search everything").fill("crm")
    page.get_by_role("button", name="Search").click()
    page.locator("main").get_by_role("link", name="CRM 360", exact=True).click()
    expect(page).to_have_url(re.compile(f"/applications/{crm}$"))


@pytest.mark.proof
@pytest.mark.parametrize(("width", "theme"), some([(360, "dark"), (1280, "light")], 2))
def test_it_fits_and_is_accessible(opens: Opens, ada: Api, width: int, theme: str) -> None:
    ada.create("webhooks", name="n" * 100 + " zebra", url=f"https://{'a' * 60}.example")
    ada.create("api-keys", name="Zebra")
    window = opens(width=width)
    page = window.open("/webhooks")
    page.evaluate("theme => { document.documentElement.dataset.theme = theme; }", theme)
    page.locator("[data-find]").click()
    box(page).fill("zebra")
    expect(page.locator("#find .name", has_text="Rotate Zebra")).to_be_visible()
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert page.evaluate(fits)
    wide = page.locator("#find").bounding_box()
    assert wide
    assert wide["x"] >= 0
    assert wide["x"] + wide["width"] <= width
    assert all((size := one.bounding_box()) and size["height"] >= 24 for one in
               page.locator("#find :is(button, [role=option])").all())  # fmt: skip
    assert faults(page) == {}
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("?")
    assert faults(page) == {}
    assert window.complaints == []
