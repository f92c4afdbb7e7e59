"""Test the explorer in a real browser, under the portal's own content security policy."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from tests.cast import ADA, Api, sign_in
from tests.explorer.conftest import page_of
from tests.identity.serving import served
from tests.lab.test_browser import look_at, tab_of_ada
from tests.thorough import LOOKS, some

HOSTILE = "</script><img src=x onerror=alert(1)>"


@pytest.fixture
def page(app: Flask, tenants: tuple[str, str], browser: Browser) -> Iterator[Page]:
    with served(lambda _: app) as address, tab_of_ada(browser, app, address) as tab:
        yield tab


@pytest.fixture
def plain(app: Flask, tenants: tuple[str, str], browser: Browser) -> Iterator[Page]:
    """Yield a tab of a browser that runs no scripts, in which Ada is signed in."""
    with served(lambda _: app) as address:
        context = browser.new_context(base_url=address, java_script_enabled=False)
        for cookie in sign_in(app, ADA).client._cookies.values():
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
        yield context.new_page()
        context.close()


def code(page: Page, label: str) -> Any:
    return page.get_by_role("region", name=label, exact=True)


def test_the_code_follows_what_is_typed_and_the_answer_appears(page: Page, ada: Api) -> None:
    page.goto(page_of("webhooks.create"))
    page.get_by_label("name string").press_sequentially(HOSTILE)
    expect(code(page, "Python")).to_contain_text(f'"name": "{HOSTILE}"')
    expect(code(page, "JavaScript")).to_contain_text(f'name: "{HOSTILE}"')
    expect(code(page, "curl")).to_contain_text(HOSTILE)
    page.get_by_label("ordered boolean").select_option("true")
    expect(code(page, "Python")).to_contain_text('"ordered": True')
    page.get_by_role("button", name="Send").click()
    answer = page.locator("#explorer-answer")
    expect(answer).to_contain_text("201 Created")
    expect(answer.locator("#revealed")).to_contain_text("whsec_")
    expect(page.get_by_label("name string")).to_have_value(HOSTILE)
    (made,) = ada.get("/webhooks").json["items"]
    assert (made["name"], made["ordered"]) == (HOSTILE, True)
    look_at(page)
    answer.get_by_label("I have stored this signing secret").check()
    answer.get_by_role("link", name="Show in the audit log").click()
    expect(page.locator("main")).to_contain_text("created the webhook")


def test_the_body_is_switched_to_json_and_back(page: Page) -> None:
    page.goto(page_of("applications.create"))
    page.get_by_label("display_name string").fill("CRM 360")
    page.get_by_role("button", name="Edit as JSON").click()
    box = page.get_by_label("JSON")
    expect(box).to_be_focused()
    assert box.input_value() == '{\n  "display_name": "CRM 360"\n}'
    box.fill('{"display_name": }')
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#raw-error")).to_contain_text("line 1, column 18")
    expect(box).to_have_value('{"display_name": }')
    look_at(page)
    box.fill('{"display_name": "CRM 361"}')
    expect(code(page, "Python")).to_contain_text("CRM 361")
    page.get_by_role("button", name="Edit in fields").click()
    expect(page.get_by_label("display_name string")).to_have_value("CRM 361")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#explorer-answer")).to_contain_text("201 Created")


def test_a_record_is_deleted_with_the_keyboard_alone(page: Page, ada: Api) -> None:
    made = ada.create("webhooks", name="CRM events")
    page.goto("/explorer")
    page.get_by_role("searchbox", name="Find an operation").focus()
    page.keyboard.type("webhooks.delete")
    expect(page.locator(".operations a")).to_have_count(1)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/integration.webhooks.delete")
    page.get_by_label("id string required").focus()
    page.keyboard.type(made["id"])
    page.keyboard.press("Enter")
    confirm = page.get_by_label("Type delete to confirm")
    expect(page.locator("#confirm-error")).to_contain_text("Type delete to confirm.")
    expect(confirm).to_be_focused()
    page.keyboard.type("delete")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Send":
            break
    page.keyboard.press("Space")
    expect(page.locator("#explorer-answer")).to_contain_text("204 No Content")
    assert ada.get(f"/webhooks/{made['id']}").status_code == 404


def test_the_link_of_a_list_follows_its_filter(page: Page, ada: Api) -> None:
    ada.create("webhooks", name="From GitHub", direction="inbound")
    page.goto("/webhooks?direction=inbound")
    page.get_by_role("link", name="Try in explorer").click()
    expect(page.get_by_label("direction list of enum values")).to_have_value("inbound")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#explorer-answer")).to_contain_text("From GitHub")


def test_everything_works_without_scripts(plain: Page, ada: Api) -> None:
    plain.goto(page_of("applications.create"))
    plain.get_by_label("display_name string").fill("CRM 360")
    plain.get_by_role("button", name="Show as code").click()
    expect(code(plain, "Python")).to_contain_text('"display_name": "CRM 360"')
    plain.get_by_role("button", name="Edit as JSON").click()
    plain.get_by_label("JSON").fill('{"display_name": "CRM 361"}')
    plain.get_by_role("button", name="Send").click()
    expect(plain.locator("#explorer-answer")).to_contain_text("201 Created")
    assert [one["display_name"] for one in ada.get("/applications").json["items"]] == ["CRM 361"]


@pytest.mark.proof
@pytest.mark.parametrize(("theme", "width"), LOOKS)
def test_its_pages_are_accessible_and_fit(page: Page, ada: Api, theme: Any, width: int) -> None:
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    page.set_viewport_size({"width": width, "height": 860})
    made = ada.create("connectors", name="a-rather-long-name-of-a-connector" * 4)
    page.goto(f"/connectors/{made['id']}")
    page.locator(".as-code > summary").click()
    look_at(page)
    page.goto(page_of("connectors.get") + f"?path.id={made['id']}")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#explorer-answer")).to_contain_text("200 OK")
    page.evaluate("for (const one of document.querySelectorAll('main details')) one.open = true")
    look_at(page)
    for address in some(
        ("/explorer", page_of("webhooks.list"), page_of("connectors.takeLease")), 3
    ):
        page.goto(address)
        look_at(page)


def test_what_is_typed_into_a_form_is_shown_as_code_and_stays(page: Page, ada: Api) -> None:
    page.goto("/connectors/new?provider=splunk")
    page.get_by_label("Name").first.fill(HOSTILE)
    page.locator("#credentials-bearer-0").fill("a-token-that-nobody-may-see")
    page.get_by_role("button", name="Show as code").click()
    expect(code(page, "Python")).to_contain_text(f'"name": "{HOSTILE}"')
    expect(code(page, "curl")).to_contain_text("CREDENTIALS_TOKEN")
    expect(page.locator("#credentials-bearer-0")).to_have_value("a-token-that-nobody-may-see")
    look_at(page)
    page.get_by_role("button", name="Add connector").click()
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    (made,) = ada.get("/connectors").json["items"]
    assert made["credential_fields"] == ["token"]


def test_deleting_leads_to_where_it_is_restored(page: Page, ada: Api) -> None:
    made = ada.create("webhooks", name="Nightly")
    page.goto(f"/webhooks/{made['id']}")
    page.get_by_role("button", name="Delete webhook").first.click()
    page.get_by_role("alertdialog").get_by_role("button", name="Delete webhook").click()
    page.locator("#toasts").get_by_role("link", name="Restore…").click()
    expect(page.locator("h1")).to_contain_text("Deleted records")
    look_at(page)
    page.get_by_role("button", name="Restore Nightly").click()
    expect(page.locator("#toasts")).to_contain_text("Nightly is back.")
    expect(page.locator("h1")).to_contain_text("Nightly")
