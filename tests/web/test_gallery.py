"""Test the design system in a real browser: strict CSP, accessibility, and without JavaScript."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.looks import faults
from tests.thorough import ALL_LOOKS, some
from tests.web.conftest import Reader

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


def visit(path: str) -> Callable[["Page", str], None]:
    return lambda page, address: page.goto(address + path)  # type: ignore[func-returns-value]


def refused_form(page: "Page", address: str) -> None:
    page.goto(address + "/connectors/new")
    page.fill("#rpm_limit", "many")
    page.fill("#config", "{a")
    page.get_by_role("button", name="Create connector").click()
    page.wait_for_selector(".summary")


def open_dialog(page: "Page", address: str) -> None:
    page.goto(address + "/connectors/parts")
    page.get_by_role("button", name="Delete").click()
    page.wait_for_selector("dialog[open]")


def open_menus(page: "Page", address: str) -> None:
    page.goto(address + "/connectors")
    page.locator(".drop summary").click()


def revealed(page: "Page", address: str) -> None:
    page.goto(address + "/connectors/parts")
    page.get_by_role("button", name="Issue key").click()
    page.wait_for_selector("[data-reveal]")
    page.locator("[data-stored]").check()


SCENES = {
    "overview": visit("/"),
    "list": visit("/connectors"),
    "no match": visit("/connectors?q=zzz"),
    "form": visit("/connectors/new"),
    "refused form": refused_form,
    "parts": visit("/connectors/parts"),
    "dialog": open_dialog,
    "menu": open_menus,
    "reveal": revealed,
    "403": visit("/connectors/fail/403"),
    "404": visit("/nowhere"),
}


@pytest.mark.proof
@pytest.mark.parametrize(("theme", "width"), some(reversed(ALL_LOOKS), every=4))
def test_every_scene_is_accessible_and_breaks_no_policy(
    browser: "Browser", served: str, theme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 860},
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
    )
    reader = Reader(context.new_page(), served)
    found = {}
    for name, scene in SCENES.items():
        scene(reader.page, served)
        if wrong := faults(reader.page):
            found[name] = wrong
    context.close()
    assert found == {}
    assert reader.complaints == []


def test_markup_from_data_is_disarmed(reader: Reader) -> None:
    page = reader.open("/connectors/attack")
    expect(page.locator("#bad")).to_be_visible()
    expect(page.locator("#bad")).not_to_have_attribute("hx-get", re.compile(""), timeout=30_000)
    page.locator("#bad").click()
    page.locator("#good").click()
    expect(page.locator("#sink")).to_have_text("stolen")
    assert page.title() == "Attack · cPod Integration"


def test_a_fragment_cannot_arm_what_came_from_data(reader: Reader) -> None:
    page = reader.open("/connectors/attack")
    page.get_by_role("button", name="load", exact=True).click()
    expect(page.locator("#later-good")).to_be_visible()
    expect(page.locator("#later-bad")).not_to_have_attribute("hx-get", re.compile(""))
    page.locator("#later-bad").click()
    expect(page.locator("#sink")).to_be_empty()
    page.locator("#later-good").click()
    expect(page.locator("#sink")).to_have_text("stolen")
    assert page.title() == "Attack · cPod Integration"


def test_a_fragment_with_scripts_is_not_swapped_in_at_all(reader: Reader) -> None:
    page = reader.open("/connectors/attack")
    with page.expect_response(re.compile("scripts=1")):
        page.locator("#load-scripts").click()
    page.locator("#good").click()
    expect(page.locator("#sink")).to_have_text("stolen")
    expect(page.locator("#later-good")).to_have_count(0)
    assert page.title() == "Attack · cPod Integration"
    assert any("TrustedScript" in text for text in reader.complaints)


def test_typing_filters_the_list_and_keeps_the_address(reader: Reader) -> None:
    page = reader.open("/connectors")
    page.keyboard.press("/")
    page.keyboard.type("jira")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("[data-search]")).to_be_focused()
    expect(page.locator("[data-search]")).to_have_value("jira")
    expect(page).to_have_url(re.compile(r"/connectors\?q=jira$"))
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert reader.complaints == []


def test_what_is_typed_before_the_page_is_ready_is_searched(reader: Reader) -> None:
    held: list[Route] = []
    reader.page.route("**/htmx.min.js*", lambda route: held.append(route))
    with reader.page.expect_request("**/htmx.min.js*"):
        reader.page.goto(reader.address + "/connectors", wait_until="commit")
    reader.page.locator("[data-search]").fill("jira")
    held[0].continue_()
    expect(reader.page.locator("tbody tr")).to_have_count(1)
    assert reader.complaints == []


def test_a_toast_is_said_after_a_partial_answer(reader: Reader) -> None:
    page = reader.open("/connectors/parts")
    page.get_by_role("button", name="Send test").click()
    expect(page.locator("#toasted")).to_have_text("sent")
    expect(page.locator("#toasts .toast")).to_contain_text("Paused Okta Workforce")
    page.keyboard.press("Escape")
    expect(page.locator("#toasts .toast")).to_have_count(0)
    assert reader.complaints == []


def test_a_failed_part_is_a_banner_and_the_page_stays(reader: Reader) -> None:
    page = reader.open("/connectors/parts")
    page.get_by_role("button", name="Break").click()
    expect(page.locator("#banner [role=alert]")).to_contain_text(
        "The secret store does not answer."
    )
    expect(page.get_by_role("heading", level=1)).to_contain_text("Okta Workforce")
    expect(page).to_have_url(re.compile(r"/connectors/parts$"))


def test_a_dialog_asks_with_the_cursor_on_cancel(reader: Reader) -> None:
    page = reader.open("/connectors/parts")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete", exact=True)).to_be_focused()


def test_a_revealed_secret_is_guarded_and_gone_afterwards(reader: Reader) -> None:
    page = reader.open("/connectors/parts")
    page.get_by_role("button", name="Issue key").click()
    secret = page.locator("[data-secret]").inner_text()
    assert secret.startswith("sk-acme-")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.locator("h1").click()  # a browser asks only on a page that was touched
    page.get_by_role("link", name="Done").click()
    expect(page).to_have_url(re.compile(r"/connectors$"))
    assert asked == ["beforeunload"]
    assert secret not in page.content()
    page.go_back()
    page.go_forward()
    page.reload()
    assert secret not in page.content()


def test_one_that_was_stored_lets_go(reader: Reader) -> None:
    page = reader.open("/connectors/parts")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Issue key").click()
    secret = page.locator("[data-secret]").inner_text()
    page.get_by_role("button", name="Copy", exact=True).click()
    expect(page.locator("#spoken")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == secret
    page.on("dialog", lambda dialog: pytest.fail("asked although it was copied"))
    page.get_by_role("link", name="Done").click()
    expect(page).to_have_url(re.compile(r"/connectors$"))
    assert reader.complaints == []


def test_the_theme_is_switched_at_once_and_kept(reader: Reader) -> None:
    page = reader.open("/connectors")
    page.locator(".drop summary").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_keys_lead_to_pages_but_not_while_typing(reader: Reader) -> None:
    page = reader.open("/connectors")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(r"/$"))
    page.goto(reader.address + "/connectors/new")
    page.locator("#name").click()
    page.keyboard.type("go c")
    expect(page.locator("#name")).to_have_value("go c")


def test_single_keys_can_be_switched_off_and_on_again(reader: Reader) -> None:
    page = reader.open("/connectors")
    search = page.get_by_role("searchbox", name="Search connectors")
    page.locator(".drop summary").click()
    switch = page.get_by_role("group", name="Single-key shortcuts")
    switch.get_by_role("button", name="Off").click()
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-keys", "off")
    for key in ("c", "g", "o", "/"):
        page.keyboard.press(key)
    expect(search).not_to_be_focused()
    assert page.url.endswith("/connectors")
    page.locator(".drop summary").click()
    switch.get_by_role("button", name="On").click()
    page.keyboard.press("/")
    expect(search).to_be_focused()


def test_full_times_are_shown_by_the_chosen_clock(browser: "Browser", served: str) -> None:
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    page = context.new_page()
    page.goto(served + "/connectors")
    page.evaluate(
        "document.querySelector('main').insertAdjacentElement('beforeend',"
        " Object.assign(document.createElement('time'), {id: 'now', textContent:"
        " '24 Nov 2026, 14:35:28 UTC', dateTime: '2026-11-24T14:35:28.000Z'})).dataset.full = ''"
    )
    page.locator(".drop summary").click()
    clock = page.get_by_role("group", name="Full times")
    clock.get_by_role("button", name="Local").click()
    expect(page.locator("#now")).to_contain_text("23:35:28")
    expect(page.locator(".foot")).to_contain_text("Asia/Tokyo")
    clock.get_by_role("button", name="UTC").click()
    expect(page.locator("#now")).to_have_text("24 Nov 2026, 14:35:28 UTC")
    context.close()


def test_everything_works_without_javascript(browser: "Browser", served: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(served + "/connectors")
    page.get_by_role("searchbox", name="Search connectors").fill("okta")
    page.get_by_role("button", name="Apply").click()
    assert page.locator("tbody tr").count() == 1
    page.locator(".drop summary").click()
    page.get_by_role("button", name="Dark").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert "q=okta" in page.url
    page.goto(served + "/connectors/new")
    page.get_by_label("Name").first.fill("Okta")
    page.get_by_role("button", name="Create connector").click()
    assert page.locator("#toasts").inner_text().strip() == "Saved Okta."
    page.goto(served + "/connectors/parts")
    page.get_by_role("button", name="Delete").click()
    assert page.locator("dialog[open]").count() == 1
    context.close()
